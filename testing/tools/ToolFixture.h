#pragma once

#include "ToolBench.h"

#include <cppunit/TestFixture.h>

#include <optional>

namespace Leasehold
{

/// A fixture whose bench exists only while its test runs: CppUnit keeps the fixtures of all tests, and each fork would prepare all their
/// stores.
class ToolFixture : public CppUnit::TestFixture
{
public:
    void setUp() override { _bench.emplace(); }
    void tearDown() override { _bench.reset(); }

protected:
    std::optional<ToolBench> _bench;
};

} // namespace Leasehold
