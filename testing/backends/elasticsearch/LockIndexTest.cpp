#include "LockIndex.h"

#include <Poco/JSON/Parser.h>

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

using namespace Elasticsearch;

class LockIndexTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(LockIndexTest);
    CPPUNIT_TEST(testWhatTheStoreMakesItAccepts);
    CPPUNIT_TEST(testOtherMappingsAreRefusedWithTheirRepair);
    CPPUNIT_TEST(testRepairBlocksAndRefreshesBeforeItCopies);
    CPPUNIT_TEST(testRepairNamesTheNextIndex);
    CPPUNIT_TEST(testNewerSchemaIsRefused);
    CPPUNIT_TEST(testIndexInThePlaceOfTheAliasIsRefused);
    CPPUNIT_TEST(testAliasOfTwoIndicesIsRefused);
    CPPUNIT_TEST(testNonsenseIsNoState);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char* good =
        R"({"l-1":{"mappings":{"dynamic":"false","_meta":{"schema":1},"properties":{"name":{"type":"keyword"},"standing":{"type":"keyword"},)"
        R"("fence":{"type":"long"},"expires":{"type":"date","format":"epoch_millis"}}},"settings":{"index":{"uuid":"u-1"}}}})";

    static std::string with(std::string text, const std::string& what, const std::string& instead)
    {
        const auto at = text.find(what);
        CPPUNIT_ASSERT(at != std::string::npos);
        return text.replace(at, what.size(), instead);
    }

    static std::string problem(const std::string& body)
    {
        const auto state = LockIndex::examine("l", body, 2);
        CPPUNIT_ASSERT(state.has_value());
        return state->problem;
    }

public:
    void testWhatTheStoreMakesItAccepts()
    {
        const auto state = LockIndex::examine("l", good, 2);
        CPPUNIT_ASSERT_EQUAL(std::string(), state->problem);
        CPPUNIT_ASSERT_EQUAL(std::string("u-1"), state->uuid);
        CPPUNIT_ASSERT_NO_THROW(Poco::JSON::Parser().parse(LockIndex::definition("l", 2)));
        CPPUNIT_ASSERT(LockIndex::definition("l", 3).find("\"number_of_replicas\":3,") != std::string::npos);
    }

    void testOtherMappingsAreRefusedWithTheirRepair()
    {
        for (const std::string& body :
             {with(good, R"("dynamic":"false",)", ""), with(good, R"("dynamic":"false")", R"("dynamic":"true")"),
              with(good, R"("_meta":{"schema":1},)", ""), with(good, R"("schema":1)", R"("schema":"one")"),
              with(good, R"("schema":1)", R"("schema":0)"), with(good, R"("name":{"type":"keyword"})", R"("name":{"type":"text"})"),
              with(good, R"("fence":{"type":"long"},)", ""), with(good, R"("type":"date")", R"("type":"long")")})
        {
            CPPUNIT_ASSERT_MESSAGE(body, problem(body).find("to repair it") != std::string::npos);
            CPPUNIT_ASSERT(problem(body).find("l-1") != std::string::npos);
        }
        CPPUNIT_ASSERT(!problem(R"({"l-1":{}})").empty());
        CPPUNIT_ASSERT(!problem(R"({"l-1":{"mappings":{}}})").empty());
    }

    void testRepairBlocksAndRefreshesBeforeItCopies()
    {
        const auto requests = LockIndex::repair("l", "l-1", 2);
        std::string steps;
        for (const auto& request : requests)
        {
            steps += request.method + " " + request.path + "\n";
            if (!request.body.empty())
                CPPUNIT_ASSERT_NO_THROW(Poco::JSON::Parser().parse(request.body));
        }
        CPPUNIT_ASSERT_EQUAL(
            std::string("PUT /l-2\nPUT /l-1/_block/write\nPOST /l-1/_refresh\nPOST /_reindex?refresh=true\nPOST /_aliases\n"), steps);
        // The store accepts the new index, which has no alias until it has all documents.
        CPPUNIT_ASSERT_EQUAL(requests.front().body,
                             with(LockIndex::definition("l", 2), R"(,"aliases":{"l":{"is_write_index":true,"is_hidden":true}})", ""));
    }

    void testRepairNamesTheNextIndex()
    {
        const std::vector<std::pair<std::string, std::string>> names{{"l-1", "/l-2"},          {"l-9", "/l-10"}, {"other", "/l-1"},
                                                                     {"l-x", "/l-1"},          {"l-", "/l-1"},   {"l-0", "/l-1"},
                                                                     {"l-99999999999", "/l-1"}};
        for (const auto& [index, next] : names)
            CPPUNIT_ASSERT_EQUAL(next, LockIndex::repair("l", index, 2).front().path);
    }

    void testNewerSchemaIsRefused()
    {
        const auto newer = problem(with(good, R"("schema":1)", R"("schema":2)"));
        CPPUNIT_ASSERT(newer.find("newer version") != std::string::npos);
    }

    void testIndexInThePlaceOfTheAliasIsRefused()
    {
        CPPUNIT_ASSERT(problem(with(good, "l-1", "l")).find("alias is needed") != std::string::npos);
    }

    void testAliasOfTwoIndicesIsRefused() { CPPUNIT_ASSERT(problem(R"({"l-1":{},"l-2":{}})").find("2 indices") != std::string::npos); }

    void testNonsenseIsNoState()
    {
        for (const std::string body : {"", "[]", "{}", "3", R"({"l-1":5})", "{", R"("text")"})
            CPPUNIT_ASSERT_MESSAGE(body, !LockIndex::examine("l", body, 2));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LockIndexTest);

} // namespace Leasehold
