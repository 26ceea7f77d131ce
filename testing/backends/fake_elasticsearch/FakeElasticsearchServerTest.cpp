#include "LockOperations.h"

#include "Leasehold/FakeElasticsearchServer.h"
#include "Leasehold/ManualClock.h"

#include <Poco/Exception.h>

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

using namespace std::chrono_literals;

namespace Leasehold
{

using namespace Elasticsearch;

/// The server alone: its answers to requests that the store never sends.
class FakeElasticsearchServerTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FakeElasticsearchServerTest);
    CPPUNIT_TEST(testItsAddressStaysWhenItIsStoppedAndStarted);
    CPPUNIT_TEST(testPortThatAnotherServerHasIsRefused);
    CPPUNIT_TEST(testItsClockStandsStillUnlessItIsAdvanced);
    CPPUNIT_TEST(testItsClockFollowsAGivenOne);
    CPPUNIT_TEST(testWhatItDoesNotKnowIsAnswered501);
    CPPUNIT_TEST(testTargetWithoutAPathIsTheRoot);
    CPPUNIT_TEST(testInvalidTextIsNotSentInAnAnswer);
    CPPUNIT_TEST(testAnotherScriptIsRefused);
    CPPUNIT_TEST(testMalformedRequestsAreRefusedAsAnEngineDoes);
    CPPUNIT_TEST(testWhatStandsBehindTheFirstObjectIsNotRead);
    CPPUNIT_TEST(testDuplicateKeyIsRefused);
    CPPUNIT_TEST(testOddBulkActionsAreJudgedAsByAnEngine);
    CPPUNIT_TEST(testSourceFilterIsInnermostInUpdateAndOutermostInBulk);
    CPPUNIT_TEST(testNoopShowsStoredSourceUnlessFieldsAreAskedFor);
    CPPUNIT_TEST(testDeletionOfMissingDocumentCountsItsVersion);
    CPPUNIT_TEST(testDocumentInMissingIndexIsMissing);
    CPPUNIT_TEST(testParameterWithoutNameIsUnknown);
    CPPUNIT_TEST(testAliasCannotTakeTheNameOfAnIndex);
    CPPUNIT_TEST(testUpdateWithoutItsAliasMakesNoIndex);
    CPPUNIT_TEST(testItemOfABulkIsShownItsSourceOnlyIfAsked);
    CPPUNIT_TEST(testFilterPathTreatsOnlyTheStarAsWildcard);
    CPPUNIT_TEST_SUITE_END();

public:
    void testItsAddressStaysWhenItIsStoppedAndStarted()
    {
        const auto url = _server.url();
        CPPUNIT_ASSERT(url.starts_with("http://127.0.0.1:"));
        _server.stop();
        _server.start();
        _server.start(); // it runs already
        CPPUNIT_ASSERT_EQUAL(url, _server.url());
    }

    /// Guards against two servers on one port that each get a part of the requests.
    void testPortThatAnotherServerHasIsRefused()
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

    /// Guards against a bracket or a backslash that was read as a pattern and crashed the server.
    void testFilterPathTreatsOnlyTheStarAsWildcard()
    {
        createIndex();
        for (const std::string nothing : {"*map[", "*[m]appings", "*map\\", "*mapping?"})
            CPPUNIT_ASSERT_EQUAL(std::string("{}"), _server.ask("GET", "/locks?filter_path=*." + nothing).body);
        requireAnswer(200, "mappings", _server.ask("GET", "/locks?filter_path=*.map*s"));
    }

    void testWhatItDoesNotKnowIsAnswered501()
    {
        requireAnswer(501, "fake_elasticsearch_exception", _server.ask("GET", "/_cluster/health"));
        createIndex();
        requireAnswer(501, "fake_elasticsearch_exception",
                      _server.ask("POST", "/locks/_bulk", "{\"delete\":{\"_id\":\"a\"}}\n", "application/x-ndjson"));
    }

    /// Guards against a read past the end of an empty path.
    void testTargetWithoutAPathIsTheRoot()
    {
        for (const std::string target : {"", "?", "?pretty"})
            requireAnswer(200, "cluster_name", _server.ask("GET", target));
    }

    /// Guards against answers that are not JSON because the request was not.
    void testInvalidTextIsNotSentInAnAnswer()
    {
        createIndex();
        const std::string replaced = "\xef\xbf\xbd";
        requireAnswer(400, '[' + replaced + ']', _server.ask("GET", "/locks?\xff=1"));
        requireAnswer(404, '[' + replaced + ']', _server.ask("GET", "/%ff"));
        requireAnswer(405, '[' + replaced + ']', _server.ask("\xff", "/locks"));
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

    // FakeDifferentialTest found the next cases.

    void testWhatStandsBehindTheFirstObjectIsNotRead()
    {
        createIndex();
        CPPUNIT_ASSERT_EQUAL(200, _server.ask("POST", "/locks/_update/a", probe + " x").status);
        requireAnswer(200, R"("_id":"a")", bulk(R"({"update":{"_id":"a"},"update":{"_id":"b"}} x)"));
        requireAnswer(200, R"("_id":"a")", bulk("\r\n \n" + std::string(R"({"update":{"_id":"a"}})")));
    }

    void testDuplicateKeyIsRefused()
    {
        createIndex();
        requireAnswer(400, "json_parse_exception", _server.ask("POST", "/locks/_update/a", R"({"upsert":{},"upsert":{}})"));
        requireAnswer(400, "json_parse_exception", bulk(R"({"update":{"_id":"a","_id":"b"}})"));
    }

    void testOddBulkActionsAreJudgedAsByAnEngine()
    {
        createIndex();
        CPPUNIT_ASSERT_EQUAL(200, bulk(R"({"update":{"_id":"a","require_alias":null}})").status);
        CPPUNIT_ASSERT_EQUAL(400, bulk(R"({"update":{"_id":"a","retry_on_conflict":true}})").status);
        CPPUNIT_ASSERT_EQUAL(501, bulk(R"({"update":{"_id":"a","retry_on_conflict":"3"}})").status);
        requireAnswer(400, "index is missing", _server.ask("POST", "/_bulk", "{\"update\":{\"_id\":\"a\"}}\n" + probe + "\n"));
        for (const std::string wrong : {"5", "null"})
            requireAnswer(400, "_source",
                          _server.ask("POST", "/locks/_update/a", R"({"script":"ctx.op = 'noop';","_source":)" + wrong + "}"));
        CPPUNIT_ASSERT_EQUAL(501, _server.ask("POST", "/locks/_update/a", R"({"script":{"source":{}}})").status);
        CPPUNIT_ASSERT_EQUAL(501, _server.ask("POST", "/locks/_search", R"({"query":5})").status);
        CPPUNIT_ASSERT_EQUAL(501, _server.ask("POST", "/nothing/_search", R"({"unknown":5})").status);
        CPPUNIT_ASSERT_EQUAL(501, _server.ask("POST", "/locks/_search", R"({"size":null})").status);
    }

    void testSourceFilterIsInnermostInUpdateAndOutermostInBulk()
    {
        createIndex();
        CPPUNIT_ASSERT_EQUAL(201, _server.ask("PUT", "/locks/_doc/a", R"({"fence":7,"token":"t"})").status);
        const std::string wish = R"({"script":"ctx.op = 'noop';","_source":["token"]})";
        const auto update = _server.ask("POST", "/locks/_update/a?_source=fence", wish);
        requireAnswer(200, R"("token":"t")", update);
        CPPUNIT_ASSERT(update.body.find("fence") == std::string::npos);
        const auto inBulk = _server.ask("POST", "/locks/_bulk?_source=fence", "{\"update\":{\"_id\":\"a\"}}\n" + wish + "\n");
        requireAnswer(200, R"("fence":7)", inBulk);
        CPPUNIT_ASSERT(inBulk.body.find("token") == std::string::npos);
    }

    void testNoopShowsStoredSourceUnlessFieldsAreAskedFor()
    {
        createIndex();
        CPPUNIT_ASSERT_EQUAL(201, _server.ask("PUT", "/locks/_doc/a", R"({"fence":7})").status);
        const auto find = [&](const std::string& wish)
        {
            auto body = findOperation("a").body; // the store's own
            const auto place = body.find(R"("_source":)");
            body.replace(place, std::string::npos, R"("_source":)" + wish + "}");
            return _server.ask("POST", "/locks/_update/a", body).body;
        };
        CPPUNIT_ASSERT(find(R"(["answer"])").find("dead") != std::string::npos);
        CPPUNIT_ASSERT(find("true").find("dead") == std::string::npos);
        CPPUNIT_ASSERT(find("[]").find(R"("fence":7)") != std::string::npos);
    }

    void testDeletionOfMissingDocumentCountsItsVersion()
    {
        createIndex();
        requireAnswer(404, R"("result":"not_found")", _server.ask("DELETE", "/locks/_doc/a"));
        requireAnswer(201, R"("_version":2)", _server.ask("PUT", "/locks/_doc/a?refresh=true", "{}"));
        requireAnswer(200, R"("forced_refresh":true)", _server.ask("DELETE", "/locks/_doc/a?refresh=true"));
    }

    void testDocumentInMissingIndexIsMissing()
    {
        requireAnswer(404, "index_expression", _server.ask("GET", "/nothing/_doc/a"));
        CPPUNIT_ASSERT_EQUAL(501, _server.ask("PUT", "/nothing/_doc/a", "{}").status);
    }

    void testParameterWithoutNameIsUnknown()
    {
        createIndex();
        requireAnswer(400, "[1]", _server.ask("POST", "/locks/_refresh?=1"));
        CPPUNIT_ASSERT_EQUAL(200, _server.ask("POST", "/locks/_refresh?=&").status);
        CPPUNIT_ASSERT_EQUAL(200, _server.ask("POST", "/locks/_update/a?timeout=-1s", probe).status);
    }

    void testAliasCannotTakeTheNameOfAnIndex()
    {
        createIndex();
        requireAnswer(400, "\"index_uuid\"", _server.ask("PUT", "/other-1", R"({"aliases":{"locks-1":{}}})"));
    }

    void testUpdateWithoutItsAliasMakesNoIndex()
    {
        requireAnswer(404, "index_not_found_exception",
                      _server.ask("POST", "/locks/_update/a?require_alias=true",
                                  R"({"scripted_upsert":true,"upsert":{},"script":{"lang":"painless","source":"ctx.op = 'noop';"}})"));
        CPPUNIT_ASSERT_EQUAL(404, _server.ask("GET", "/locks").status);
    }

    void testItemOfABulkIsShownItsSourceOnlyIfAsked()
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
    const std::string probe = R"({"script":"ctx.op = 'noop';","scripted_upsert":true,"upsert":{}})";

    FakeElasticsearchServer::Answer bulk(const std::string& action)
    {
        return _server.ask("POST", "/locks/_bulk", action + "\n" + probe + "\n", "application/x-ndjson");
    }

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
