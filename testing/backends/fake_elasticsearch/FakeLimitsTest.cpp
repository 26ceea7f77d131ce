#include "ElasticsearchScripts.h"
#include "jsonText.h"

#include "Leasehold/FakeElasticsearchServer.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <string_view>

namespace Leasehold
{

/// The limits of the fake. It answers 501 to requests that it cannot carry out as an engine does, so that no test passes by a guess.
class FakeLimitsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FakeLimitsTest);
    CPPUNIT_TEST(testSearchThatItDoesNotKnowIsAnswered501);
    CPPUNIT_TEST(testIndexThatItCannotMakeIsAnswered501);
    CPPUNIT_TEST(testUnsupportedScriptValuesAreAnswered501);
    CPPUNIT_TEST(testPartsOfAnUpdateThatItDoesNotKnowAreAnswered501);
    CPPUNIT_TEST(testPathsThatItDoesNotKnowAreAnswered501);
    CPPUNIT_TEST(testNamesThatNoIndexCanHaveAreRefusedAsAnEngineDoes);
    CPPUNIT_TEST(testScriptWithMissingParameterFailsAsInEngine);
    CPPUNIT_TEST(testLeaseWithoutATokenIsRenewedWithoutOne);
    CPPUNIT_TEST(testUpsertWithoutScriptIsStoredUnchanged);
    CPPUNIT_TEST(testDeletionWithSourceFailsAfterItsEffect);
    CPPUNIT_TEST(testRefreshingBulkIsSeenByNextSearch);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { requireStatus(200, ask("PUT", "/locks-1", R"({"aliases":{"locks":{}}})")); }

    void testSearchThatItDoesNotKnowIsAnswered501()
    {
        const auto filtered = [](const std::string& clause) { return R"({"query":{"bool":{"filter":[)" + clause + "]}}}"; };
        for (const auto& search :
             {filtered(R"({"range":{"fence":{"gt":5}}})"), filtered(R"({"range":{"fence":{"gt":"now+5d"}}})"),
              filtered(R"({"range":{"other":{"gt":"now"}}})"), filtered(R"({"fuzzy":{"name":"a"}})"), filtered("5"),
              filtered(R"({"a":{},"b":{}})"), std::string(R"({"query":{"knn":{}}})"), std::string(R"({"sort":5})"),
              std::string(R"({"sort":[{"other":"asc"}]})"), std::string(R"({"script_fields":{"now":{"script":{"source":"another"}}}})")})
            requireStatus(501, ask("POST", "/locks/_search", search));
    }

    void testIndexThatItCannotMakeIsAnswered501()
    {
        requireStatus(501, ask("PUT", "/other", "[]"));
        requireStatus(501, ask("PUT", "/other", R"({"settings":5})"));
        requireStatus(501, ask("PUT", "/other", R"({"settings":{"index.hidden":true}})"));
        requireStatus(501, ask("PUT", "/other", R"({"settings":{"number_of_shards":2}})"));
        requireStatus(501, ask("PUT", "/other", R"({"aliases":{"locks":{}}})"));
        requireStatus(404, ask("GET", "/other"));
    }

    void testUnsupportedScriptValuesAreAnswered501()
    {
        for (const std::string params :
             {R"("token":"t","name":"a","ttl":"5")", R"("token":"t","name":"a","ttl":18446744073709551615)",
              R"("token":"t","name":"a","ttl":9007199254740993)", R"("token":"t","name":"a","ttl":18446744073709551616)",
              R"("token":"t","name":"a","ttl":99999999999999999999)", R"("token":5,"name":"a","ttl":5)"})
            requireStatus(501, run("a", ElasticsearchScripts::acquire, params));
        store("a", R"({"expires":1,"fence":1})");
        requireStatus(501, run("a", ElasticsearchScripts::prune, R"("retention":-1)"));
    }

    void testPartsOfAnUpdateThatItDoesNotKnowAreAnswered501()
    {
        store("a", "{}");
        const std::string probe = R"("script":"ctx.op = 'noop';")";
        requireStatus(501, ask("POST", "/locks/_update/a", "{" + probe + R"(,"doc":{}})"));
        for (const std::string wanted : {R"({"includes":[]})", R"(["na*"])", "[5]"})
            requireStatus(501, ask("POST", "/locks/_update/a", "{" + probe + R"(,"_source":)" + wanted + "}"));
        requireStatus(501, ask("POST", "/locks/_bulk",
                               R"({"update":{"_id":"a","routing":"b"}})"
                               "\n{" +
                                   probe + "}\n"));
        requireStatus(501, ask("PUT", "/locks/_doc/a", "5"));
    }

    void testPathsThatItDoesNotKnowAreAnswered501()
    {
        requireStatus(501, ask("GET", "/locks,others"));
        requireStatus(501, ask("GET", "/_cat/indices"));
        requireStatus(501, ask("GET", "/locks?filter_path=-settings"));
        requireStatus(501, ask("GET", "/locks?filter_path=**.uuid"));
    }

    void testNamesThatNoIndexCanHaveAreRefusedAsAnEngineDoes()
    {
        const std::string alias = "locks";
        for (const auto& name : {std::string(256, 'a'), std::string("Upper"), std::string("a%20b"), std::string("-a"), alias})
        {
            const auto answer = ask("PUT", "/" + name);
            requireStatus(400, answer);
            CPPUNIT_ASSERT_MESSAGE(answer.body, answer.body.find("invalid_index_name_exception") != std::string::npos);
        }
    }

    void testScriptWithMissingParameterFailsAsInEngine()
    {
        store("a", heldBy(R"("t")"));
        requireStatus(400, run("a", ElasticsearchScripts::renew, R"("token":"t","fence":7)"));
        requireStatus(400, run("a", ElasticsearchScripts::prune, {}));
        store("b", R"({"token":"t","standing":"released","expires":1,"fence":1})");
        requireStatus(400, run("b", ElasticsearchScripts::acquire, R"("name":"b","token":"u","ttl":5000,"metadata":"{}","floor":0)"));
        store("c", R"({"token":"t","standing":"released","expires":1,"fence":9007199254740991})");
        requireStatus(400, run("c", ElasticsearchScripts::acquire, R"("name":"c","token":"u","ttl":5000,"metadata":"{}","floor":0)"));
    }

    void testLeaseWithoutATokenIsRenewedWithoutOne()
    {
        store("a", heldBy("null"));
        const auto answer = run("a", ElasticsearchScripts::renew, R"("fence":7,"ttl":5000)");
        requireStatus(200, answer);
        CPPUNIT_ASSERT_MESSAGE(answer.body, answer.body.find(R"("result":"updated")") != std::string::npos);
    }

    void testUpsertWithoutScriptIsStoredUnchanged()
    {
        requireStatus(201, ask("POST", "/locks/_update/a", R"({"script":"ctx.op = 'noop';","upsert":{"name":"as it is"}})"));
        CPPUNIT_ASSERT(ask("GET", "/locks/_doc/a").body.find("as it is") != std::string::npos);
    }

    void testDeletionWithSourceFailsAfterItsEffect()
    {
        store("a", R"({"token":"t","standing":"released","expires":1,"fence":1})");
        requireStatus(500, run("a", ElasticsearchScripts::prune, R"("retention":0)", R"(,"_source":true)"));
        requireStatus(404, ask("GET", "/locks/_doc/a"));
    }

    void testRefreshingBulkIsSeenByNextSearch()
    {
        const std::string upsert = R"({"script":"ctx.op = 'noop';","upsert":{"name":"a"}})";
        requireStatus(200, ask("POST", "/locks/_bulk?refresh=true", "{\"update\":{\"_id\":\"a\"}}\n" + upsert + "\n"));
        CPPUNIT_ASSERT(ask("POST", "/locks/_search", "{}").body.find(R"("name":"a")") != std::string::npos);
    }

private:
    using Answer = FakeElasticsearchServer::Answer;

    Answer ask(const std::string& method, const std::string& target, const std::string& body = {})
    {
        return _server.ask(method, target, body, target.find("_bulk") == std::string::npos ? "application/json" : "application/x-ndjson");
    }

    void store(const std::string& id, const std::string& document)
    {
        const auto answer = ask("PUT", "/locks/_doc/" + id, document);
        CPPUNIT_ASSERT_MESSAGE(answer.body, answer.status == 200 || answer.status == 201);
    }

    Answer run(const std::string& id, std::string_view script, const std::string& params, const std::string& more = {})
    {
        return ask("POST", "/locks/_update/" + id,
                   R"({"script":{"lang":"painless","source":)" + Elasticsearch::jsonText(script) + R"(,"params":{)" + params + "}}" + more +
                       (script == ElasticsearchScripts::acquire ? R"(,"scripted_upsert":true,"upsert":{}})" : "}"));
    }

    /// A lease that ends in the year 2100.
    static std::string heldBy(const std::string& token)
    {
        return R"({"name":"a","token":)" + token +
               R"(,"standing":"held","fence":7,"acquired":1,"expires":4102444800000,"ttl":4102444800000,"metadata":"{}","now":1})";
    }

    static void requireStatus(int status, const Answer& answer) { CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, status, answer.status); }

    FakeElasticsearchServer _server{};
};

CPPUNIT_TEST_SUITE_REGISTRATION(FakeLimitsTest);

} // namespace Leasehold
