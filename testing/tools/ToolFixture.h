#pragma once

#include "ToolBench.h"

#include <cppunit/TestFixture.h>

#include <optional>

namespace Leasehold
{

/// A fixture with a bench that lives only while its test runs: CppUnit keeps the fixtures of all tests, and each fork prepares every
/// store that is there.
class ToolFixture : public CppUnit::TestFixture
{
public:
    void setUp() override { _bench.emplace(); }
    void tearDown() override { _bench.reset(); }

protected:
    std::optional<ToolBench> _bench;
};

} // namespace Leasehold
