#include "EngineTrouble.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <utility>
#include <vector>

namespace Leasehold
{

using namespace Elasticsearch;

// The bodies are from engines of both kinds; repetitions in them were removed.
class EngineTroubleTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EngineTroubleTest);
    CPPUNIT_TEST(testUpdateThatWasCarriedOutIsDone);
    CPPUNIT_TEST(testMissingDocumentIsNoMissingIndex);
    CPPUNIT_TEST(testOverloadAndFullDisksAreTransient);
    CPPUNIT_TEST(testA400WithACircuitBreakerInsideIsTransient);
    CPPUNIT_TEST(testFaultyScriptIsPermanent);
    CPPUNIT_TEST(testNodeWithoutPainlessIsToldFromAFaultyScript);
    CPPUNIT_TEST(test403HasTwoMeanings);
    CPPUNIT_TEST(testMissingRightIsNamedAsTheEngineNamesIt);
    CPPUNIT_TEST(testNothingElseOfARefusalIsShown);
    CPPUNIT_TEST(testCreateIndexBlockIsTransientAndNoMissingRight);
    CPPUNIT_TEST(testCauseInTheReasonIsToldWithItsRemedy);
    CPPUNIT_TEST(testRefusedCredentialsArePermanent);
    CPPUNIT_TEST(testClusterTroubleIsTransient);
    CPPUNIT_TEST(testWhatAnOperatorHasToMendIsPermanentAndSaysHow);
    CPPUNIT_TEST(testCopyThatIsNotWhereItWasLookedForIsTransient);
    CPPUNIT_TEST(testConflictIsTransient);
    CPPUNIT_TEST(testErrorMayBePlainText);
    CPPUNIT_TEST(testPageOfAProxyIsJudgedByItsStatus);
    CPPUNIT_TEST(testTypeOfAnAnswerMayBeWrittenInManyWays);
    CPPUNIT_TEST(testBrokenJsonWithStatus200IsNoSuccess);
    CPPUNIT_TEST(testReasonOfAnEngineIsNeverShown);
    CPPUNIT_TEST(testErrorTypeThatLooksLikeNoneIsNotShown);
    CPPUNIT_TEST(testEachItemOfABulkIsJudgedByItself);
    CPPUNIT_TEST(testAnswerThatIsNoObjectIsNoSuccess);
    CPPUNIT_TEST(testAnythingElseAmongTheItemsMakesAllOfThemUnreadable);
    CPPUNIT_TEST(testStatusThatIsNoneIsNoSuccess);
    CPPUNIT_TEST(testItemIsWhatAnUpdateSaysAndNothingElse);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char* json = "application/json; charset=UTF-8";

    static Verdict judged(int status, const std::string& body, const std::string& contentType = json)
    {
        return judge(readEngineAnswer(status, contentType, body), contentType);
    }

    static Meaning meaning(int status, const std::string& body, const std::string& contentType = json)
    {
        return judged(status, body, contentType).meaning;
    }

    static std::string error(const std::string& type, int status, const std::string& more = {})
    {
        return R"({"error":{"root_cause":[{"type":")" + type + R"(","reason":"secret-token"}],"type":")" + type +
               R"(","reason":"secret-token")" + more + R"(},"status":)" + std::to_string(status) + "}";
    }

public:
    void testUpdateThatWasCarriedOutIsDone()
    {
        const auto answer = readEngineAnswer(
            201, json,
            R"({"result":"created","get":{"_source":{"expires":1795522055062,"metadata":"{\"a\":1}","now":1795522025062,"fence":1795522025062000,"ttl":30000,"acquired":1795522025062,"token":"T1"}}})");
        CPPUNIT_ASSERT(judge(answer, json).meaning == Meaning::done);
        CPPUNIT_ASSERT_EQUAL(std::string("created"), answer.whole.result);
        const auto& document = *answer.whole.document;
        CPPUNIT_ASSERT_EQUAL(std::string("T1"), *document.token);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":1})"), *document.metadata);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1795522025062000}, *document.fence);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1795522025062}, *document.now);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{30000}, *document.ttl);
        CPPUNIT_ASSERT(!document.answer);
    }

    void testMissingDocumentIsNoMissingIndex()
    {
        const auto missing = readEngineAnswer(
            404, json,
            R"({"error":{"root_cause":[{"type":"document_missing_exception","reason":"[M]: document missing","index":"lh-1","shard":"0","index_uuid":"_QAzC18bQmecbVW9Yl-GjA"}],"type":"document_missing_exception","reason":"[M]: document missing","index":"lh-1","shard":"0","index_uuid":"_QAzC18bQmecbVW9Yl-GjA"},"status":404})");
        CPPUNIT_ASSERT(judge(missing, json).meaning == Meaning::documentMissing);
        CPPUNIT_ASSERT_EQUAL(std::string("_QAzC18bQmecbVW9Yl-GjA"), missing.whole.error.indexUuid);
        CPPUNIT_ASSERT(meaning(404, error("index_not_found_exception", 404)) == Meaning::indexMissing);
        CPPUNIT_ASSERT(meaning(404, "<html>no such page</html>", "text/html") == Meaning::permanent);
    }

    void testOverloadAndFullDisksAreTransient()
    {
        CPPUNIT_ASSERT(meaning(429, error("es_rejected_execution_exception", 429)) == Meaning::transient);
        CPPUNIT_ASSERT(meaning(429, error("rejected_execution_exception", 429)) == Meaning::transient);
        const auto full = judged(429, error("cluster_block_exception", 429));
        CPPUNIT_ASSERT(full.meaning == Meaning::transient);
        CPPUNIT_ASSERT(full.why.find("disk") != std::string::npos);
    }

    void testA400WithACircuitBreakerInsideIsTransient()
    {
        // The cause is one level deep in OpenSearch and two in Elasticsearch 7.
        const std::string one =
            R"(,"caused_by":{"type":"circuit_breaking_exception","reason":"[script] Too many dynamic script compilations within, max: [75/5m]"})";
        const std::string two = R"(,"caused_by":{"type":"general_script_exception","reason":"Failed to compile","caused_by":)"
                                R"({"type":"circuit_breaking_exception","reason":"[script] Too many dynamic script compilations"}})";
        CPPUNIT_ASSERT(meaning(400, error("illegal_argument_exception", 400, one)) == Meaning::transient);
        CPPUNIT_ASSERT(meaning(400, error("illegal_argument_exception", 400, two)) == Meaning::transient);
    }

    void testFaultyScriptIsPermanent()
    {
        CPPUNIT_ASSERT(
            meaning(400, error("illegal_argument_exception", 400,
                               R"(,"caused_by":{"type":"script_exception","reason":"runtime error","script_stack":["a","b"]})")) ==
            Meaning::permanent);
        CPPUNIT_ASSERT(meaning(400, error("mapper_parsing_exception", 400)) == Meaning::permanent);
        CPPUNIT_ASSERT(meaning(406, R"({"error":"Content-Type header [text/plain] is not supported","status":406})") == Meaning::permanent);
    }

    void testNodeWithoutPainlessIsToldFromAFaultyScript()
    {
        const auto verdict =
            judged(400, error("illegal_argument_exception", 400,
                              R"(,"caused_by":{"type":"illegal_argument_exception","reason":"script_lang not supported [painless]"})"));
        CPPUNIT_ASSERT(verdict.meaning == Meaning::permanent);
        CPPUNIT_ASSERT(verdict.why.find("lang-painless") != std::string::npos);
    }

    void test403HasTwoMeanings()
    {
        CPPUNIT_ASSERT(meaning(403, error("security_exception", 403)) == Meaning::notPermitted);
        CPPUNIT_ASSERT(meaning(403, error("cluster_block_exception", 403)) == Meaning::transient);
        CPPUNIT_ASSERT(meaning(403, "<html>forbidden</html>", "text/html") == Meaning::notPermitted);
    }

    void testMissingRightIsNamedAsTheEngineNamesIt()
    {
        const std::vector<std::pair<std::string, std::string>> reasons{
            {"no permissions for [indices:data/write/bulk] and User [name=worker, backend_roles=[], requestedTenant=null]",
             "no right to indices:data/write/bulk:"},
            {"no permissions for [indices:data/write/bulk[s], indices:data/write/update] and User [name=w, backend_roles=[]]",
             "no right to indices:data/write/bulk[s], indices:data/write/update:"},
            {"no permissions for [indices:admin/create, indices:admin/aliases] and User [name=w]",
             "no right to indices:admin/create, indices:admin/aliases:"},
            {"action [indices:admin/create] is unauthorized for user [worker] with effective roles [locks] on indices [leasehold-1], this "
             "action is granted by the index privileges [create_index,manage,all]",
             "no right to indices:admin/create:"},
            {"action [cluster:monitor/main] is unauthorized for user [worker]", "no right to cluster:monitor/main:"}};
        for (const auto& [reason, part] : reasons)
        {
            const auto whole = judged(403, R"({"error":{"type":"security_exception","reason":")" + reason + R"("},"status":403})");
            CPPUNIT_ASSERT(whole.meaning == Meaning::notPermitted);
            CPPUNIT_ASSERT_MESSAGE(whole.why, whole.why.find(part) != std::string::npos);
            const auto bulk = readEngineAnswer(
                200, json, R"({"items":[{"update":{"status":403,"error":{"type":"security_exception","reason":")" + reason + R"("}}}]})");
            CPPUNIT_ASSERT_EQUAL(whole.why, judge(bulk.items.at(0)).why);
        }
    }

    /// Guards against a reason that repeats the request, with the token in it.
    void testNothingElseOfARefusalIsShown()
    {
        const std::string token = "0123456789abcdef0123456789abcdef";
        const std::vector<std::string> reasons{token,
                                               "[indices:" + token + "]",
                                               "[indices:data/write/" + token,
                                               "[indices:data/write/update " + token + "]",
                                               "user " + token + " [cluster:" + token,
                                               "[Indices:secret]",
                                               "xindices:secret",
                                               "[indices:" + std::string(5000, 'a') + "]"};
        for (const auto& reason : reasons)
        {
            const auto why = judged(403, R"({"error":{"type":"security_exception","reason":")" + reason + R"("},"status":403})").why;
            CPPUNIT_ASSERT_MESSAGE(why, why.find("0123") == std::string::npos && why.find("secret") == std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(why, why.size() < 400);
        }
    }

    /// Guards against status 78 for a cluster whose disks are full.
    void testCreateIndexBlockIsTransientAndNoMissingRight()
    {
        const auto blocked = judged(403, error("index_create_block_exception", 403));
        CPPUNIT_ASSERT(blocked.meaning == Meaning::transient);
        CPPUNIT_ASSERT_MESSAGE(blocked.why, blocked.why.find("cluster.blocks.create_index") != std::string::npos);
    }

    void testCauseInTheReasonIsToldWithItsRemedy()
    {
        const std::vector<std::array<std::string, 3>> causes{
            {"validation_exception",
             "Validation Failed: 1: this action would add [3] total shards, but this cluster currently has [1]/[1] maximum shards open;",
             "cluster.max_shards_per_node"},
            {"validation_exception",
             "Validation Failed: 1: this action would add [2] shards, but this cluster currently has [2]/[1] maximum normal shards open;",
             "cluster.max_shards_per_node"},
            {"illegal_argument_exception",
             "cannot create index with name [leasehold-1], because it matches with template [ds] that creates data streams only, use "
             "create "
             "data stream api instead",
             "index template for data streams"},
            {"illegal_argument_exception", "cannot execute [inline] scripts", "script.allowed_types"},
            {"illegal_argument_exception", "cannot execute scripts using [update] context", "script.allowed_contexts"}};
        for (const auto& [type, reason, remedy] : causes)
        {
            const std::string inner = R"({"type":")" + type + R"(","reason":")" + reason + R"("})";
            for (const auto& body : {R"({"error":)" + inner + R"(,"status":400})",
                                     R"({"error":{"type":"illegal_argument_exception","reason":"failed to execute script","caused_by":)" +
                                         inner + R"(},"status":400})"})
            {
                const auto told = judged(400, body);
                CPPUNIT_ASSERT_MESSAGE(told.why, told.meaning == Meaning::permanent);
                CPPUNIT_ASSERT_MESSAGE(told.why, told.why.find(remedy) != std::string::npos);
            }
        }
    }

    void testRefusedCredentialsArePermanent()
    {
        CPPUNIT_ASSERT(meaning(401, error("security_exception", 401)) == Meaning::permanent);
        const auto page = judged(401, "<html>who are you</html>", "text/html");
        CPPUNIT_ASSERT(page.meaning == Meaning::permanent);
        CPPUNIT_ASSERT(page.why.find("401") != std::string::npos);
        // OpenSearch's own answer has no JSON. The message must not add that.
        const auto plain = judged(401, "Unauthorized", "text/plain; charset=UTF-8");
        CPPUNIT_ASSERT_EQUAL(std::string("status 401: the credentials are refused: check user and password, or api_key"), plain.why);
    }

    void testClusterTroubleIsTransient()
    {
        for (const std::string type : {"cluster_block_exception", "master_not_discovered_exception", "unavailable_shards_exception"})
            CPPUNIT_ASSERT(meaning(503, error(type, 503)) == Meaning::transient);
        CPPUNIT_ASSERT(meaning(500, error("null_pointer_exception", 500)) == Meaning::transient);
        CPPUNIT_ASSERT(meaning(408, error("process_cluster_event_timeout_exception", 408)) == Meaning::transient);
    }

    void testWhatAnOperatorHasToMendIsPermanentAndSaysHow()
    {
        const auto closed = judged(400, error("index_closed_exception", 400));
        CPPUNIT_ASSERT(closed.meaning == Meaning::permanent && closed.why.find("open it") != std::string::npos);
        const auto taken = judged(400, error("invalid_alias_name_exception", 400));
        CPPUNIT_ASSERT(taken.meaning == Meaning::permanent && taken.why.find("another name") != std::string::npos);
    }

    /// Guards against a 404 that was taken for a wrong address: a node that had hung gave it after a failover.
    void testCopyThatIsNotWhereItWasLookedForIsTransient()
    {
        for (const std::string type : {"shard_not_found_exception", "illegal_index_shard_state_exception", "index_shard_closed_exception",
                                       "index_shard_relocated_exception"})
            CPPUNIT_ASSERT(meaning(404, error(type, 404)) == Meaning::transient);
        CPPUNIT_ASSERT(meaning(404, error("resource_not_found_exception", 404)) == Meaning::permanent);
    }

    void testConflictIsTransient() { CPPUNIT_ASSERT(meaning(409, error("version_conflict_engine_exception", 409)) == Meaning::transient); }

    void testErrorMayBePlainText()
    {
        CPPUNIT_ASSERT(meaning(400, R"({"error":"no handler found for uri [/x] and method [POST]"})") == Meaning::permanent);
        CPPUNIT_ASSERT(meaning(405, R"({"error":"Incorrect HTTP method","status":405})") == Meaning::permanent);
    }

    void testPageOfAProxyIsJudgedByItsStatus()
    {
        CPPUNIT_ASSERT(meaning(502, "<html>", "text/html") == Meaning::transient);
        CPPUNIT_ASSERT(meaning(504, "<html>", "text/html") == Meaning::transient);
        CPPUNIT_ASSERT(meaning(413, "", "") == Meaning::permanent);
        CPPUNIT_ASSERT(meaning(301, "", "") == Meaning::permanent);
        const auto page = judged(200, R"({"result":"updated"})", "text/html; charset=utf-8");
        CPPUNIT_ASSERT(page.meaning == Meaning::permanent);
        CPPUNIT_ASSERT(page.why.find("text/html") != std::string::npos);
    }

    void testTypeOfAnAnswerMayBeWrittenInManyWays()
    {
        for (const std::string type : {"application/json", "Application/JSON ; charset=UTF-8", "application/vnd.elasticsearch+json"})
            CPPUNIT_ASSERT_MESSAGE(type, meaning(200, R"({"result":"updated"})", type) == Meaning::done);
    }

    void testBrokenJsonWithStatus200IsNoSuccess()
    {
        for (const std::string body : {"", "{", R"({"result":"upd)", R"({"result":"updated"} trailing)", "[1,2", "nonsense", "\xff\xfe"})
            CPPUNIT_ASSERT_MESSAGE(body, meaning(200, body) == Meaning::permanent);
        std::string deep;
        for (int level = 0; level < 100'000; ++level)
            deep += R"({"a":)";
        CPPUNIT_ASSERT(meaning(200, deep) == Meaning::permanent);
    }

    void testReasonOfAnEngineIsNeverShown()
    {
        for (const int status : {400, 401, 403, 404, 409, 413, 429, 500, 503})
            CPPUNIT_ASSERT(judged(status, error("some_exception", status)).why.find("secret") == std::string::npos);
    }

    void testErrorTypeThatLooksLikeNoneIsNotShown()
    {
        const auto verdict = judged(400, error("my secret token", 400));
        CPPUNIT_ASSERT(verdict.why.find("secret") == std::string::npos);
        CPPUNIT_ASSERT(judged(400, error(std::string(5000, 'a'), 400)).why.size() < 500);
        const std::string token = "0123456789abcdef0123456789abcdef"; // found by the fuzzer
        CPPUNIT_ASSERT(judged(400, error(token, 400)).why.find(token) == std::string::npos);
    }

    void testEachItemOfABulkIsJudgedByItself()
    {
        const auto answer = readEngineAnswer(
            200, json,
            R"({"items":[{"update":{"result":"updated","status":200}},{"update":{"status":404,"error":{"type":"document_missing_exception","index_uuid":"u"}}},)"
            R"({"update":{"result":"noop","status":200,"get":{"_source":{"answer":"live","now":5}}}},{"update":{"status":429,"error":{"type":"rejected_execution_exception"}}}]})");
        CPPUNIT_ASSERT(judge(answer, json).meaning == Meaning::done);
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, answer.items.size());
        CPPUNIT_ASSERT(judge(answer.items[0]).meaning == Meaning::done);
        CPPUNIT_ASSERT_EQUAL(std::string("updated"), answer.items[0].result);
        CPPUNIT_ASSERT(judge(answer.items[1]).meaning == Meaning::documentMissing);
        CPPUNIT_ASSERT_EQUAL(std::string("u"), answer.items[1].error.indexUuid);
        CPPUNIT_ASSERT_EQUAL(std::string("noop"), answer.items[2].result);
        CPPUNIT_ASSERT_EQUAL(std::string("live"), *answer.items[2].document->answer);
        CPPUNIT_ASSERT(judge(answer.items[3]).meaning == Meaning::transient);
    }

    /// Guards against a bare value that was taken for an answer without errors.
    void testAnswerThatIsNoObjectIsNoSuccess()
    {
        for (const std::string body : {"0", "null", "true", "\"x\"", "[]", "[{}]", "0\xff"})
            CPPUNIT_ASSERT_MESSAGE(body, judged(200, body).meaning == Meaning::permanent);
    }

    /// Guards against wrong positions of items: a value that is no object was skipped, and later items got earlier positions.
    void testAnythingElseAmongTheItemsMakesAllOfThemUnreadable()
    {
        for (const std::string other : {"null", "5", "1.5", "true", "\"x\"", "[]", "[{}]", "18446744073709551615"})
        {
            CPPUNIT_ASSERT_MESSAGE(other,
                                   !readEngineAnswer(200, json, R"({"items":[)" + other + R"(,{"update":{"status":200}}]})").readable);
            CPPUNIT_ASSERT_MESSAGE(other, !readEngineAnswer(200, json, R"({"hits":{"hits":[{},)" + other + "]}}").readable);
        }
    }

    /// Guards against 2^32 + 200, which became 200 when it was truncated to 32 bits.
    void testStatusThatIsNoneIsNoSuccess()
    {
        for (const std::string status : {"0", "-200", "4294967496", "18446744073709551615", "200.0", "\"200\""})
        {
            const auto answer = readEngineAnswer(200, json, R"({"items":[{"update":{"result":"updated","status":)" + status + "}}]}");
            CPPUNIT_ASSERT_MESSAGE(status, judge(answer.items.at(0)).meaning == Meaning::permanent);
        }
    }

    /// Guards against an answer that was read from another action of the item: found by fuzzing.
    void testItemIsWhatAnUpdateSaysAndNothingElse()
    {
        const std::string done = R"({"result":"updated","status":200,"get":{"_source":{"answer":"released"}}})";
        for (const auto& item : {R"({"update":"{}","other":)" + done + "}", R"({"index":)" + done + "}", R"({"other":)" + done + "}"})
        {
            const auto answer = readEngineAnswer(200, json, R"({"items":[)" + item + R"(,{"update":{"result":"noop","status":200}}]})");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(item, std::size_t{2}, answer.items.size());
            CPPUNIT_ASSERT_MESSAGE(item, answer.items[0].result.empty() && !answer.items[0].document);
            CPPUNIT_ASSERT_MESSAGE(item, judge(answer.items[0]).meaning == Meaning::permanent);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(item, std::string("noop"), answer.items[1].result);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineTroubleTest);

} // namespace Leasehold
