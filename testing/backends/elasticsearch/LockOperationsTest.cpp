#include "LockOperations.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <limits>
#include <sstream>

namespace Leasehold
{

using namespace Elasticsearch;

class LockOperationsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(LockOperationsTest);
    CPPUNIT_TEST(testValuesGoIntoParametersAndNeverIntoTheScript);
    CPPUNIT_TEST(testEveryNameAndMetadataSurvivesTheWayThroughJson);
    CPPUNIT_TEST(testOperationThatMayDeleteDoesNotAskForTheSource);
    CPPUNIT_TEST(testBulkHasTwoLinesForEachOperation);
    CPPUNIT_TEST(testOnlyAnUpdateWithOurTokenIsAGrant);
    CPPUNIT_TEST(testAnswerThatMakesNoSenseIsNoReply);
    CPPUNIT_TEST(testSpentAndExhaustedAreTold);
    CPPUNIT_TEST(testReleaseToldTwiceIsReleased);
    CPPUNIT_TEST(testReleaseIsWantedWhileTheNoteLasts);
    CPPUNIT_TEST(testBreakIsToldToRenewReleaseAndReaders);
    CPPUNIT_TEST(testRecordNeedsAllItsFields);
    CPPUNIT_TEST(testRecordWithTimesThatNoClockTellsIsNone);
    CPPUNIT_TEST_SUITE_END();

    static Poco::JSON::Object::Ptr parsed(const std::string& text)
    {
        return Poco::JSON::Parser().parse(text).extract<Poco::JSON::Object::Ptr>();
    }

    static EngineItem item(const std::string& result, const std::string& token, const std::string& answer = {})
    {
        EngineItem item;
        item.status = 200;
        item.result = result;
        item.document.emplace();
        item.document->token = token;
        if (!answer.empty())
            item.document->answer = answer;
        item.document->standing = "held";
        item.document->fence = 7;
        item.document->acquired = 1000;
        item.document->expires = 31'000;
        item.document->ttl = 30'000;
        item.document->now = 2000;
        item.document->metadata = "{}";
        return item;
    }

public:
    void testValuesGoIntoParametersAndNeverIntoTheScript()
    {
        const auto source = [](const LockOperation& operation)
        { return parsed(operation.body)->getObject("script")->getValue<std::string>("source"); };
        const AcquireRequest one{"one", "token-1", Milliseconds(1000), "{}", 5};
        const AcquireRequest two{"two", "token-2", Milliseconds(2000), R"({"x":1})", 6, 7, Milliseconds(8)};
        CPPUNIT_ASSERT_EQUAL(source(acquireOperation(one)), source(acquireOperation(two)));
        CPPUNIT_ASSERT(source(acquireOperation(one)).find("token-1") == std::string::npos);
        CPPUNIT_ASSERT_EQUAL(source(renewOperation({{"one", "t", 1}, Milliseconds(1)})),
                             source(renewOperation({{"two", "u", 2}, Milliseconds(2)})));
        CPPUNIT_ASSERT_EQUAL(source(releaseOperation({"one", "t", 1})), source(releaseOperation({"two", "u", 2})));
        CPPUNIT_ASSERT_EQUAL(source(breakOperation("one", 1, BreakMode::now)), source(breakOperation("two", 2, BreakMode::whenItEnds)));
        CPPUNIT_ASSERT_EQUAL(source(pruneOperation("one", Milliseconds(1))), source(pruneOperation("two", Milliseconds(2))));

        const auto params = parsed(acquireOperation(two).body)->getObject("script")->getObject("params");
        CPPUNIT_ASSERT_EQUAL(std::string("two"), params->getValue<std::string>("name"));
        CPPUNIT_ASSERT_EQUAL(std::string("token-2"), params->getValue<std::string>("token"));
        CPPUNIT_ASSERT_EQUAL(2000, params->getValue<int>("ttl"));
        CPPUNIT_ASSERT_EQUAL(6, params->getValue<int>("floor"));
        CPPUNIT_ASSERT_EQUAL(7, params->getValue<int>("spare"));
        CPPUNIT_ASSERT_EQUAL(8, params->getValue<int>("wantedFor"));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"x":1})"), params->getValue<std::string>("metadata"));
    }

    void testEveryNameAndMetadataSurvivesTheWayThroughJson()
    {
        for (const std::string text :
             {R"(quo"te)", R"(back\slash)", "line\nfeed\ttab\x01", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x92", "{\"a\":\"\\u0041\"}"})
        {
            const auto body = parsed(acquireOperation({text, "t", Milliseconds(1), text, 0}).body);
            CPPUNIT_ASSERT_EQUAL(text, body->getObject("script")->getObject("params")->getValue<std::string>("name"));
            CPPUNIT_ASSERT_EQUAL(text, body->getObject("script")->getObject("params")->getValue<std::string>("metadata"));
            std::string bulk;
            appendBulkLines(bulk, findOperation(text));
            CPPUNIT_ASSERT_EQUAL(text, parsed(bulk.substr(0, bulk.find('\n')))->getObject("update")->getValue<std::string>("_id"));
            CPPUNIT_ASSERT_EQUAL(findOperation(text).body, operationInBulkLines(bulk));
        }
    }

    void testOperationThatMayDeleteDoesNotAskForTheSource()
    {
        CPPUNIT_ASSERT(!parsed(pruneOperation("n", Milliseconds(1)).body)->has("_source"));
        CPPUNIT_ASSERT(parsed(findOperation("n").body)->has("_source"));
    }

    void testBulkHasTwoLinesForEachOperation()
    {
        std::string bulk;
        appendBulkLines(bulk, renewOperation({{"a\nb", "t", 1}, Milliseconds(1)}));
        appendBulkLines(bulk, renewOperation({{"c", "t", 2}, Milliseconds(1)}));
        CPPUNIT_ASSERT_EQUAL('\n', bulk.back());
        std::istringstream lines(bulk);
        int count = 0;
        for (std::string line; std::getline(lines, line); ++count)
        {
            const auto object = parsed(line);
            if (count % 2 == 0)
                CPPUNIT_ASSERT(object->getObject("update")->getValue<bool>("require_alias"));
            else
                CPPUNIT_ASSERT(object->has("script"));
        }
        CPPUNIT_ASSERT_EQUAL(4, count);
    }

    void testOnlyAnUpdateWithOurTokenIsAGrant()
    {
        const AcquireRequest request{"n", "mine", Milliseconds(30'000), "{}", 0};
        CPPUNIT_ASSERT(acquireReply(request, item("created", "mine"))->status == AcquireStatus::granted);
        CPPUNIT_ASSERT(acquireReply(request, item("updated", "mine"))->status == AcquireStatus::granted);
        // The corrected expiry of another holder's lease.
        CPPUNIT_ASSERT(acquireReply(request, item("updated", "other"))->status == AcquireStatus::held);
        CPPUNIT_ASSERT(acquireReply(request, item("noop", "other", "held"))->status == AcquireStatus::held);
        // The corrected expiry of our own lease, which was broken.
        auto broken = item("updated", "mine");
        broken.document->standing = "broken";
        CPPUNIT_ASSERT(acquireReply(request, broken)->status == AcquireStatus::held);
        broken.document->standing.reset();
        CPPUNIT_ASSERT(!acquireReply(request, broken));
        // A node that is cut off answers noops.
        CPPUNIT_ASSERT(!acquireReply(request, item("noop", "mine")));
        CPPUNIT_ASSERT(!acquireReply(request, item("noop", "mine", "held")));
        CPPUNIT_ASSERT(!acquireReply(request, item("deleted", "mine")));
    }

    void testAnswerThatMakesNoSenseIsNoReply()
    {
        const AcquireRequest request{"n", "mine", Milliseconds(30'000), "{}", 0};
        EngineItem empty;
        empty.status = 200;
        for (const std::string result : {"", "created", "updated", "noop", "deleted", "other"})
        {
            empty.result = result;
            CPPUNIT_ASSERT(!acquireReply(request, empty));
            CPPUNIT_ASSERT(!foundRecord("n", empty));
            if (result != "updated")
                CPPUNIT_ASSERT(!releaseReply(empty));
            if (result != "updated" && result != "noop")
                CPPUNIT_ASSERT(!renewReply({}, empty));
        }
        auto withoutFence = item("created", "mine");
        withoutFence.document->fence.reset();
        CPPUNIT_ASSERT(!acquireReply(request, withoutFence));
        withoutFence.document->fence = -1;
        CPPUNIT_ASSERT(!acquireReply(request, withoutFence));
    }

    void testSpentAndExhaustedAreTold()
    {
        const AcquireRequest request{"n", "mine", Milliseconds(30'000), "{}", 0};
        const auto spent = acquireReply(request, item("noop", "mine", "spent"));
        CPPUNIT_ASSERT(spent->status == AcquireStatus::spent);
        CPPUNIT_ASSERT_EQUAL(Fence{0}, spent->record.fence);
        CPPUNIT_ASSERT(!acquireReply(request, item("noop", "other", "spent")));
        CPPUNIT_ASSERT(isFenceExhausted(request, item("noop", "other", "exhausted")));
        CPPUNIT_ASSERT(!isFenceExhausted(request, item("noop", "other", "held")));
        // Without a document, the answer does not name the reason.
        EngineItem nothing;
        nothing.result = "noop";
        CPPUNIT_ASSERT(!isFenceExhausted(request, nothing));
        CPPUNIT_ASSERT(isFenceExhausted({"n", "mine", Milliseconds(30'000), "{}", maxFence}, nothing));
    }

    void testReleaseToldTwiceIsReleased()
    {
        CPPUNIT_ASSERT(releaseReply(item("updated", "t"))->status == ReleaseStatus::released);
        CPPUNIT_ASSERT(releaseReply(item("noop", "t", "released"))->status == ReleaseStatus::released);
        CPPUNIT_ASSERT(releaseReply(item("noop", "t", "notHeld"))->status == ReleaseStatus::notHeld);
    }

    void testReleaseIsWantedWhileTheNoteLasts()
    {
        for (const auto& [result, answer] : {std::pair{"updated", ""}, {"noop", "released"}})
        {
            auto told = item(result, "t", answer);
            CPPUNIT_ASSERT(!releaseReply(told)->wanted);
            told.document->wanted = *told.document->now + 1;
            CPPUNIT_ASSERT(releaseReply(told)->wanted);
            told.document->wanted = *told.document->now;
            CPPUNIT_ASSERT(!releaseReply(told)->wanted);
            told.document->wanted = *told.document->now + 1;
            told.document->now.reset();
            CPPUNIT_ASSERT(!releaseReply(told)->wanted);
        }
        auto refused = item("noop", "t", "notHeld");
        refused.document->wanted = *refused.document->now + 1;
        CPPUNIT_ASSERT(!releaseReply(refused)->wanted);
    }

    void testBreakIsToldToRenewReleaseAndReaders()
    {
        const auto broken = item("noop", "t", "broken");
        CPPUNIT_ASSERT(renewReply({}, broken)->status == RenewStatus::lost);
        CPPUNIT_ASSERT(renewReply({}, broken)->broken);
        CPPUNIT_ASSERT(!renewReply({}, item("noop", "t"))->broken);
        CPPUNIT_ASSERT(!renewReply({}, item("updated", "t"))->broken);
        CPPUNIT_ASSERT(releaseReply(broken)->status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(releaseReply(broken)->broken);
        CPPUNIT_ASSERT(!releaseReply(item("noop", "t", "notHeld"))->broken);
        auto shown = *item("noop", "t").document;
        CPPUNIT_ASSERT(!recordOf("n", shown)->broken);
        shown.standing = "broken";
        CPPUNIT_ASSERT(recordOf("n", shown)->broken);
    }

    void testRecordNeedsAllItsFields()
    {
        const auto record = recordOf("n", *item("noop", "t").document);
        CPPUNIT_ASSERT(record->remaining == Milliseconds(29'000));
        CPPUNIT_ASSERT(record->ttl == Milliseconds(30'000));
        auto late = *item("noop", "t").document;
        late.now = 99'000;
        CPPUNIT_ASSERT(recordOf("n", late)->remaining == Milliseconds(0));
        late.metadata.reset();
        CPPUNIT_ASSERT(!recordOf("n", late));
    }

    /// Guards against overflow: the difference of two such times does not fit into 64 bits.
    void testRecordWithTimesThatNoClockTellsIsNone()
    {
        for (const auto time : {std::int64_t{-1}, (std::int64_t{1} << 53) + 1, std::numeric_limits<std::int64_t>::max(),
                                std::numeric_limits<std::int64_t>::min()})
            for (auto member : {&EngineDocument::acquired, &EngineDocument::expires, &EngineDocument::ttl, &EngineDocument::now})
            {
                auto document = *item("noop", "t").document;
                document.*member = time;
                CPPUNIT_ASSERT(!recordOf("n", document));
            }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LockOperationsTest);

} // namespace Leasehold
