#pragma once

#include "HttpTransport.h"

#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/sharedEngine.h"

#include <cppunit/TestFixture.h>

#include <functional>
#include <memory>
#include <string>

namespace Leasehold
{

/// A test on a real engine, with an index of its own.
class EngineFixture : public CppUnit::TestFixture
{
public:
    void setUp() override;
    void tearDown() override;

protected:
    virtual EngineKind kind() const = 0;
    /// The test stops or restarts the node, so that it must be ours.
    virtual bool controlsTheNode() const { return false; }

    /// A store as another process would have it.
    std::unique_ptr<ElasticsearchLockStore> open() const;
    static CallContext context() { return CallContext::within(Milliseconds(20'000)); }

    /// A request of an operator; its answer's body. The test fails unless the status is 200 or 201.
    std::string operate(const char* method, const std::string& path, const std::string& body = {}) const;
    HttpAnswer ask(const char* method, const std::string& path, const std::string& body = {}) const;

    /// Tries until it is true; the test fails after 20 s.
    static void until(const std::function<bool()>& condition, const std::string& what);

    ElasticsearchOptions options{};
};

} // namespace Leasehold
