#include "SampleRun.h"

#include "Leasehold/ElasticsearchLockStore.h"
#include "sharedEngine.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/StreamCopier.h>
#include <Poco/TemporaryFile.h>
#include <Poco/URI.h>

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <string>

using namespace std::chrono_literals;

namespace Leasehold
{
namespace
{

constexpr int documents = 400;

} // namespace

/// On OpenSearch, whose distribution for tests can re-index.
class ReindexSampleTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ReindexSampleTest);
    CPPUNIT_TEST(testTwoProcessesReindexOnce);
    CPPUNIT_TEST(testLostLockEndsTheReindexing);
    CPPUNIT_TEST(testPaceThatIsNoneIsNamedBeforeAnythingIsDone);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        _url = sharedEngine(EngineKind::openSearch3).url();
        std::ofstream(_configuration.path()) << "leasehold.store.type = elasticsearch\nleasehold.store.elasticsearch.url = " << _url
                                             << "\nleasehold.store.elasticsearch.index = " << locks
                                             << "\nleasehold.store.elasticsearch.replicas = 0\nleasehold.policy.lease.ttl = 9s\n";
        std::string bulk;
        for (int i = 0; i < documents; ++i)
            bulk += R"({"index":{}})"
                    "\n"
                    R"({"order":)" +
                    std::to_string(i) + "}\n";
        ask("POST", "/orders/_bulk?refresh=true", bulk);
    }

    void tearDown() override { ask("DELETE", "/orders,orders-v2?ignore_unavailable=true"); }

    void testTwoProcessesReindexOnce()
    {
        SampleRun first(REINDEX_WITH_LOCK, {_configuration.path(), _url, "orders", "orders-v2", "100"}); // three pauses of a second
        first.requireSays("re-indexing orders into orders-v2");

        SampleRun second(REINDEX_WITH_LOCK, {_configuration.path(), _url, "orders", "orders-v2"});
        second.requireExit(75);
        CPPUNIT_ASSERT_MESSAGE(second.output(), second.output().find("skipped: lock \"reindex orders\"") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(second.output(), second.output().find("(pid " + std::to_string(first.pid()) + ")") != std::string::npos);

        first.requireExit(0);
        CPPUNIT_ASSERT_MESSAGE(first.output(), first.output().find("copied 400 documents") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(documents, ask("GET", "/orders-v2/_count")->getValue<int>("count"));
    }

    void testLostLockEndsTheReindexing()
    {
        SampleRun sample(REINDEX_WITH_LOCK, {_configuration.path(), _url, "orders", "orders-v2", "20"}); // would take 15 s
        sample.requireSays("re-indexing");

        ElasticsearchLockStore store({.nodes = {_url}, .index = locks});
        const auto context = CallContext::within(20s);
        const auto held = store.find("reindex orders", context);
        CPPUNIT_ASSERT(held);
        CPPUNIT_ASSERT(store.breakLock("reindex orders", held->fence, BreakMode::now, context));

        sample.requireExit(1);
        CPPUNIT_ASSERT_MESSAGE(sample.output(), sample.output().find("was lost") != std::string::npos);
    }

    void testPaceThatIsNoneIsNamedBeforeAnythingIsDone()
    {
        for (const std::string pace : {"xyz", "0", "-5", "5x", "99999999999999999999"})
        {
            SampleRun sample(REINDEX_WITH_LOCK, {_configuration.path(), _url, "orders", "orders-v2", pace});
            sample.requireExit(64);
            const auto said = "DOCUMENTS-PER-SECOND is \"" + pace + "\"; allowed is";
            CPPUNIT_ASSERT_MESSAGE(sample.output(), sample.output().find(said) != std::string::npos);
        }
    }

private:
    static constexpr const char* locks = "sample-locks";

    Poco::JSON::Object::Ptr ask(const std::string& method, const std::string& path, const std::string& body = {})
    {
        const Poco::URI uri(_url);
        Poco::Net::HTTPClientSession session(uri.getHost(), uri.getPort());
        Poco::Net::HTTPRequest request(method, path, Poco::Net::HTTPMessage::HTTP_1_1);
        request.setContentType("application/x-ndjson");
        request.setContentLength(static_cast<std::streamsize>(body.size()));
        session.sendRequest(request) << body;
        Poco::Net::HTTPResponse response;
        std::string answer;
        Poco::StreamCopier::copyToString(session.receiveResponse(response), answer);
        CPPUNIT_ASSERT_MESSAGE(answer, response.getStatus() < Poco::Net::HTTPResponse::HTTP_BAD_REQUEST);
        return Poco::JSON::Parser().parse(answer).extract<Poco::JSON::Object::Ptr>();
    }

    std::string _url;
    Poco::TemporaryFile _configuration;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReindexSampleTest);

} // namespace Leasehold
