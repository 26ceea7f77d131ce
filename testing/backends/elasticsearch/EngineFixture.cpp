#include "EngineFixture.h"

#include <cppunit/TestAssert.h>

#include <chrono>
#include <thread>

#include <unistd.h>

namespace Leasehold
{

namespace
{

Net::HttpTransport::Options transportOptions(const ElasticsearchOptions& options)
{
    Net::HttpTransport::Options result;
    result.nodes = {Net::HttpNode::parse(options.nodes.at(0), "url", 9200)};
    return result;
}

} // namespace

void EngineFixture::setUp()
{
    static int tests = 0;
    options.nodes = {sharedEngine(kind()).url()};
    options.index = "leasehold-test-" + std::to_string(::getpid()) + "-" + std::to_string(++tests);
    options.replicas = 0;
}

void EngineFixture::tearDown()
{
    for (const auto& index : {options.index + "-1", options.index + "-2", options.index})
        ask("DELETE", "/" + index);
}

std::unique_ptr<ElasticsearchLockStore> EngineFixture::open() const
{
    return std::make_unique<ElasticsearchLockStore>(options);
}

std::string EngineFixture::operate(const char* method, const std::string& path, const std::string& body) const
{
    const auto answer = ask(method, path, body);
    CPPUNIT_ASSERT_MESSAGE(path + ": " + answer.body, answer.status == 200 || answer.status == 201);
    return answer.body;
}

Net::HttpAnswer EngineFixture::ask(const char* method, const std::string& path, const std::string& body) const
{
    Net::HttpTransport transport(transportOptions(options));
    return transport.send({method, path, body}, context());
}

void EngineFixture::until(const std::function<bool()>& condition, const std::string& what)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition())
    {
        CPPUNIT_ASSERT_MESSAGE("waited 20 s in vain: " + what, std::chrono::steady_clock::now() < deadline);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

} // namespace Leasehold
