#pragma once

#include "net/HttpTransport.h"

#include "Leasehold/ElasticsearchLockStore.h"
#include "sharedEngine.h"

#include <cppunit/TestFixture.h>

#include <functional>
#include <memory>
#include <string>

namespace Leasehold
{

/// A test on a real engine, with its own index.
class EngineFixture : public CppUnit::TestFixture
{
public:
    void setUp() override;
    void tearDown() override;

protected:
    virtual EngineKind kind() const = 0;

    /// A store as another process would have it.
    std::unique_ptr<ElasticsearchLockStore> open() const;
    static CallContext context() { return CallContext::within(Milliseconds(20'000)); }

    /// Sends a request of an operator and returns the body of the answer. The test fails unless the status is 200 or 201.
    std::string operate(const char* method, const std::string& path, const std::string& body = {}) const;
    Net::HttpAnswer ask(const char* method, const std::string& path, const std::string& body = {}) const;

    /// Calls it until it returns true. The test fails after 20 s.
    static void until(const std::function<bool()>& condition, const std::string& what);

    ElasticsearchOptions options{};
};

} // namespace Leasehold
