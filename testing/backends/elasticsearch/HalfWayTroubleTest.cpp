#include "Leasehold/ElasticsearchLockStore.h"
#include "ScriptedServer.h"
#include "indexState.h"
#include "thrown.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <string>
#include <vector>

namespace Leasehold
{

using namespace std::chrono_literals;

/// What the store makes of an engine whose trouble begins in the middle of a verb: at the search that follows a refresh, at one item of a
/// request, when the index has just been made. Real engines do this seldom and never when they are asked to.
class HalfWayTroubleTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HalfWayTroubleTest);
    CPPUNIT_TEST(testAnAnswerThatMakesNoSenseIsAnErrorWhereverItComes);
    CPPUNIT_TEST(testASearchThatFailsIsNeitherAnEmptyListNorNothingToForget);
    CPPUNIT_TEST(testAnIndexThatVanishesBeforeTheSearchHoldsNothing);
    CPPUNIT_TEST(testPruneForgetsWhatItCanAndTellsIfItCouldForgetNothing);
    CPPUNIT_TEST(testAnIndexThatVanishesAsSoonAsItIsThereIsUnavailable);
    CPPUNIT_TEST(testAnotherIndexAtTheNextSetUpStopsGrants);
    CPPUNIT_TEST(testASetUpThatIsRefusedTellsWhatToDo);
    CPPUNIT_TEST(testAStoreWithoutANodeIsRefused);
    CPPUNIT_TEST(testALaterBulkThatFailsDoesNotSpoilTheFirst);
    CPPUNIT_TEST(testALaterBulkThatIsRefusedFailsOnlyItsOwnRenewals);
    CPPUNIT_TEST(testTheEngineIsUnknownToWhoMayNotAskAndUnavailableWhenItIsDown);
    CPPUNIT_TEST_SUITE_END();

    struct Answer
    {
        std::string to; ///< a part of the request's head
        int status = 200;
        std::string body = "{}";
    };

    static std::string failure(const std::string& type) { return R"({"error":{"type":")" + type + R"("}})"; }

    /// Answers each request with the first that fits, all others with an empty success.
    static ScriptedServer::Behaviour answering(std::vector<Answer> answers)
    {
        return [answers = std::move(answers)](ScriptedServer::Conversation& conversation)
        {
            while (conversation.readRequest())
            {
                const auto fitting =
                    std::find_if(answers.begin(), answers.end(),
                                 [&](const Answer& answer) { return conversation.head().find(answer.to) != std::string::npos; });
                fitting == answers.end() ? conversation.answer(200, "{}") : conversation.answer(fitting->status, fitting->body);
            }
        };
    }

    /// A store whose engine answers so.
    class Store
    {
    public:
        explicit Store(std::vector<Answer> answers) : _server(answering(std::move(answers))), _store(optionsFor(_server)) {}

        static CallContext soon() { return CallContext::within(20s); }

        void prepare() { _store.prepare(soon()); }
        AcquireReply acquire() { return _store.acquire({"a", "sesame", 30s, "{}", 0}, soon()); }
        void release() { _store.release({"a", "sesame", 7}, soon()); }
        void find() { _store.find("a", soon()); }
        void breakLock() { _store.breakLock("a", 7, BreakMode::now, soon()); }
        std::vector<LockRecord> list() { return _store.list({}, soon()); }
        std::size_t prune() { return _store.prune(1h, soon()); }
        std::string engine() { return _store.engine(soon()); }

    private:
        static ElasticsearchOptions optionsFor(const ScriptedServer& server)
        {
            ElasticsearchOptions options;
            options.nodes = {server.url()};
            return options;
        }

        ScriptedServer _server;
        ElasticsearchLockStore _store;
    };

    static constexpr const char* oneHit = R"({"hits":{"hits":[{"_source":{"name":"a"}}]}})";

    /// What 1,500 renewals are told, which are two requests, when the second is answered so.
    static std::vector<RenewReply> renewWithALaterBulk(int status, const std::string& body)
    {
        std::string items;
        for (int item = 0; item < 1000; ++item)
            items += std::string(item == 0 ? "" : ",") + R"({"update":{"result":"updated","status":200}})";
        ScriptedServer server(
            [&](ScriptedServer::Conversation& conversation)
            {
                for (int request = 0; conversation.readRequest(); ++request)
                    request == 0 ? conversation.answer(200, R"({"items":[)" + items + "]}") : conversation.answer(status, body);
            });
        ElasticsearchOptions options;
        options.nodes = {server.url()};
        ElasticsearchLockStore store(options);
        const std::vector<RenewRequest> requests(1500, {{"a", "sesame", 7}, 30s});
        auto replies = store.renew(requests, Store::soon());
        CPPUNIT_ASSERT_EQUAL(requests.size(), replies.size());
        CPPUNIT_ASSERT(replies[999].status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store.renew({}, Store::soon()).empty());
        return replies;
    }

public:
    void testAnAnswerThatMakesNoSenseIsAnErrorWhereverItComes()
    {
        const auto requireRefused = [](const std::string& message) { assertNames(message, {"makes no sense"}); };
        const std::vector<Answer> strange{{"_update", 200, R"({"result":"strange"})"}};
        requireRefused(messageOf<LockStoreError>([&] { Store(strange).acquire(); }));
        requireRefused(messageOf<LockStoreError>([&] { Store(strange).release(); }));
        requireRefused(messageOf<LockStoreError>([&] { Store(strange).find(); }));
        requireRefused(messageOf<LockStoreError>([&] { Store(strange).breakLock(); }));
        requireRefused(messageOf<LockStoreError>([&] { Store({{"GET /leasehold?", 200, R"({"leasehold-1":5})"}}).prepare(); }));
        requireRefused(messageOf<LockStoreError>([&] { Store({{"_search", 200, R"({"hits":{"hits":[{"_source":{}}]}})"}}).list(); }));
        requireRefused(messageOf<LockStoreError>([&] { Store({{"_search", 200, oneHit}, {"_bulk", 200, R"({"items":[]})"}}).prune(); }));
    }

    void testASearchThatFailsIsNeitherAnEmptyListNorNothingToForget()
    {
        for (const std::string part : {"_refresh", "_search"})
        {
            const std::vector<Answer> down{{part, 503, failure("unavailable_shards_exception")}};
            messageOf<LockStoreUnavailable>([&] { Store(down).list(); });
            messageOf<LockStoreUnavailable>([&] { Store(down).prune(); });
            const std::vector<Answer> wrong{{part, 400, failure("parsing_exception")}};
            messageOf<LockStoreError>([&] { Store(wrong).list(); });
            messageOf<LockStoreError>([&] { Store(wrong).prune(); });
        }
    }

    void testAnIndexThatVanishesBeforeTheSearchHoldsNothing()
    {
        const std::vector<Answer> gone{{"_search", 404, failure("index_not_found_exception")}};
        CPPUNIT_ASSERT(Store(gone).list().empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, Store(gone).prune());
    }

    void testPruneForgetsWhatItCanAndTellsIfItCouldForgetNothing()
    {
        // The second hit is none of ours.
        const Answer found{"_search", 200, R"({"hits":{"hits":[{"_source":{"name":"a"}},{"_source":{}},{"_source":{"name":"b"}}]}})"};
        const std::string forgotten = R"({"update":{"status":200,"result":"deleted"}})",
                          gone = R"({"update":{"status":404,"error":)"
                                 R"({"type":"document_missing_exception"}}})",
                          busy = R"({"update":{"status":429,"error":{"type":"rejected_execution_exception"}}})";
        const auto storeThatForgets = [&](const std::string& first, const std::string& second) {
            return Store({found, {"_bulk", 200, R"({"items":[)" + first + "," + second + "]}"}});
        };
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, storeThatForgets(forgotten, forgotten).prune());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, storeThatForgets(busy, forgotten).prune());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, storeThatForgets(gone, gone).prune());
        messageOf<LockStoreUnavailable>([&] { storeThatForgets(busy, gone).prune(); });
        messageOf<LockStoreUnavailable>([&] { Store({found, {"_bulk", 503, failure("unavailable_shards_exception")}}).prune(); });
    }

    void testAnIndexThatVanishesAsSoonAsItIsThereIsUnavailable()
    {
        Store store({{"_update", 404, failure("index_not_found_exception")}, {"GET /leasehold?", 200, indexState}});
        messageOf<LockStoreUnavailable>([&] { store.acquire(); });
    }

    void testAnotherIndexAtTheNextSetUpStopsGrants()
    {
        ScriptedServer server(answering({{"GET /leasehold?", 200, indexState}}));
        ElasticsearchOptions options;
        options.nodes = {server.url()};
        ElasticsearchLockStore store(options);
        store.prepare(Store::soon());
        std::string another = indexState;
        another.replace(another.find("first"), 5, "other");
        server.behave(answering({{"GET /leasehold?", 200, another}}));
        server.stop(); // the connection that is kept goes on as it began
        server.listenAgain();
        store.prepare(Store::soon());
        assertNames(messageOf<LockStoreUnavailable>([&] { store.acquire({"a", "sesame", 30s, "{}", 0}, Store::soon()); }), {"vanished"});
    }

    void testAStoreWithoutANodeIsRefused()
    {
        messageOf<LockConfigurationError>([] { ElasticsearchLockStore({}); });
    }

    void testASetUpThatIsRefusedTellsWhatToDo()
    {
        const Answer none{"GET /leasehold?", 404, failure("index_not_found_exception")};
        assertNames(messageOf<LockStoreError>(
                        [&] {
                            Store({none, {"PUT /leasehold-1", 403, failure("security_exception")}}).prepare();
                        }),
                    {"403", "let an operator make it"});
        messageOf<LockStoreUnavailable>([&] { Store({none, {"PUT /leasehold-1", 503, failure("cluster_block_exception")}}).prepare(); });
    }

    void testALaterBulkThatFailsDoesNotSpoilTheFirst()
    {
        const auto replies = renewWithALaterBulk(503, "{}");
        CPPUNIT_ASSERT(replies[1000].status == RenewStatus::unavailable);
        assertNames(replies[1499].reason, {"503"});
    }

    void testALaterBulkThatIsRefusedFailsOnlyItsOwnRenewals()
    {
        const auto replies = renewWithALaterBulk(401, failure("security_exception"));
        CPPUNIT_ASSERT(replies[1000].status == RenewStatus::failed);
        assertNames(replies[1499].reason, {"401", "credentials"});
    }

    void testTheEngineIsUnknownToWhoMayNotAskAndUnavailableWhenItIsDown()
    {
        CPPUNIT_ASSERT_EQUAL(std::string(), Store({{"GET / ", 403, failure("security_exception")}}).engine());
        messageOf<LockStoreUnavailable>([&] { Store({{"GET / ", 503, failure("master_not_discovered_exception")}}).engine(); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HalfWayTroubleTest);

} // namespace Leasehold
