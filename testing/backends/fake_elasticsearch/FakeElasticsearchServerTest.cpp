#include "Leasehold/FakeElasticsearchServer.h"
#include "Leasehold/ManualClock.h"

#include <Poco/Exception.h>

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

using namespace std::chrono_literals;

namespace Leasehold
{

/// The server by itself: what it answers to what the store never sends.
class FakeElasticsearchServerTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FakeElasticsearchServerTest);
    CPPUNIT_TEST(testItsAddressStaysWhenItIsStoppedAndStarted);
    CPPUNIT_TEST(testAPortThatAnotherServerHasIsRefused);
    CPPUNIT_TEST(testItsClockStandsStillUnlessItIsAdvanced);
    CPPUNIT_TEST(testItsClockFollowsAGivenOne);
    CPPUNIT_TEST(testWhatItDoesNotKnowIsAnswered501);
    CPPUNIT_TEST(testATargetWithoutAPathIsTheRoot);
    CPPUNIT_TEST(testBytesThatAreNoTextDoNotGetIntoAnAnswer);
    CPPUNIT_TEST(testAnotherScriptIsRefused);
    CPPUNIT_TEST(testMalformedRequestsAreRefusedAsAnEngineDoes);
    CPPUNIT_TEST(testAnUpdateWithoutItsAliasMakesNoIndex);
    CPPUNIT_TEST(testAnItemOfABulkIsShownItsSourceOnlyIfAsked);
    CPPUNIT_TEST_SUITE_END();

public:
    void testItsAddressStaysWhenItIsStoppedAndStarted()
    {
        const auto url = _server.url();
        CPPUNIT_ASSERT(url.starts_with("http://127.0.0.1:"));
        _server.stop();
        _server.start();
        CPPUNIT_ASSERT_EQUAL(url, _server.url());
    }

    /// Guards against two servers that listen on one port, each with a part of the requests.
    void testAPortThatAnotherServerHasIsRefused()
    {
        const auto url = _server.url();
        const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
        CPPUNIT_ASSERT_THROW(FakeElasticsearchServer({.port = port}), Poco::Exception);
    }

    void testItsClockStandsStillUnlessItIsAdvanced()
    {
        const auto before = _server.now();
        _server.advance(1h);
        CPPUNIT_ASSERT(_server.now() == before + 1h);
        _server.advance(-2h);
        CPPUNIT_ASSERT(_server.now() == before - 1h);
    }

    void testItsClockFollowsAGivenOne()
    {
        const auto clock = std::make_shared<ManualClock>();
        FakeElasticsearchServer server({.clock = clock});
        const auto before = server.now();
        clock->advance(5s);
        server.advance(1s);
        CPPUNIT_ASSERT(server.now() == before + 6s);
    }

    void testWhatItDoesNotKnowIsAnswered501()
    {
        requireAnswer(501, "fake_elasticsearch_exception", _server.ask("GET", "/_cluster/health"));
        createIndex();
        requireAnswer(501, "fake_elasticsearch_exception",
                      _server.ask("POST", "/locks/_bulk", "{\"delete\":{\"_id\":\"a\"}}\n", "application/x-ndjson"));
    }

    /// Guards against a read beyond the parts of a path that has none.
    void testATargetWithoutAPathIsTheRoot()
    {
        for (const std::string target : {"", "?", "?pretty"})
            requireAnswer(200, "cluster_name", _server.ask("GET", target));
    }

    /// Guards against answers that are no JSON because the request was none.
    void testBytesThatAreNoTextDoNotGetIntoAnAnswer()
    {
        createIndex();
        const std::string replaced = "\xef\xbf\xbd";
        requireAnswer(400, '[' + replaced + ']', _server.ask("GET", "/locks?\xff=1"));
        requireAnswer(404, '[' + replaced + ']', _server.ask("GET", "/%ff"));
        requireAnswer(406, replaced, _server.ask("POST", "/locks/_update/a", "{}", "\xff"));
        requireAnswer(400, "json_parse_exception", _server.ask("POST", "/locks/_update/a", "{\"\xff\":1}"));
        requireAnswer(400, "json_parse_exception", _server.ask("POST", "/locks/_update/a", R"({"\ud800":1})"));
    }

    void testAnotherScriptIsRefused()
    {
        createIndex();
        const auto answer =
            _server.ask("POST", "/locks/_update/a",
                        R"({"scripted_upsert":true,"upsert":{},"script":{"lang":"painless","source":"ctx._source.a = 1"}})");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, 501, answer.status);
    }

    void testMalformedRequestsAreRefusedAsAnEngineDoes()
    {
        createIndex();
        requireAnswer(400, "json_e_o_f_exception", _server.ask("POST", "/locks/_update/a", "{"));
        requireAnswer(400, "action_request_validation_exception", _server.ask("POST", "/locks/_update/a", "{}"));
        requireAnswer(400, "terminated by a newline", _server.ask("POST", "/locks/_bulk", "{}", "application/x-ndjson"));
        requireAnswer(400, "unrecognized parameter", _server.ask("POST", "/locks/_refresh?nothing=1"));
        requireAnswer(405, "Incorrect HTTP method", _server.ask("DELETE", "/locks/_search"));
    }

    void testAnUpdateWithoutItsAliasMakesNoIndex()
    {
        requireAnswer(404, "index_not_found_exception",
                      _server.ask("POST", "/locks/_update/a?require_alias=true",
                                  R"({"scripted_upsert":true,"upsert":{},"script":{"lang":"painless","source":"ctx.op = 'noop';"}})"));
        CPPUNIT_ASSERT_EQUAL(404, _server.ask("GET", "/locks").status);
    }

    void testAnItemOfABulkIsShownItsSourceOnlyIfAsked()
    {
        createIndex();
        CPPUNIT_ASSERT_EQUAL(201, _server.ask("PUT", "/locks-1/_doc/a", R"({"name":"a"})").status);
        const std::string script = R"({"script":{"lang":"painless","source":"ctx.op = 'noop';"}})";
        const auto shown = [&](const std::string& wanted)
        {
            const auto answer = _server.ask("POST", "/locks/_bulk?require_alias=true",
                                            R"({"update":{"_id":"a","retry_on_conflict":3,"_source":)" + wanted + "}}\n" + script + "\n",
                                            "application/x-ndjson");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, 200, answer.status);
            return answer.body.find("\"name\":\"a\"") != std::string::npos;
        };
        CPPUNIT_ASSERT(shown("true"));
        CPPUNIT_ASSERT(shown("\"name\""));
        CPPUNIT_ASSERT(!shown("false"));
    }

private:
    void createIndex()
    {
        const auto answer = _server.ask("PUT", "/locks-1", R"({"aliases":{"locks":{}}})");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, 200, answer.status);
    }

    static void requireAnswer(int status, const std::string& part, const FakeElasticsearchServer::Answer& answer)
    {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, status, answer.status);
        CPPUNIT_ASSERT_MESSAGE(answer.body, answer.body.find(part) != std::string::npos);
    }

    FakeElasticsearchServer _server{};
};

CPPUNIT_TEST_SUITE_REGISTRATION(FakeElasticsearchServerTest);

} // namespace Leasehold
