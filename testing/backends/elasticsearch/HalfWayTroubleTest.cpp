#include "Leasehold/ElasticsearchLockStore.h"
#include "ScriptedServer.h"
#include "indexState.h"
#include "thrown.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/LockManagerService.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The store on an engine that fails in the middle of a verb: at the search after a refresh, at one item of a request, or when the index
/// was just made. Real engines rarely do this, and not on demand.
class HalfWayTroubleTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HalfWayTroubleTest);
    CPPUNIT_TEST(testAnswerThatMakesNoSenseIsAnErrorWhereverItComes);
    CPPUNIT_TEST(testSearchThatFailsIsNeitherAnEmptyListNorNothingToForget);
    CPPUNIT_TEST(testIndexThatVanishesBeforeTheSearchHoldsNothing);
    CPPUNIT_TEST(testPruneForgetsWhatItCanAndTellsIfItCouldForgetNothing);
    CPPUNIT_TEST(testIndexThatVanishesAsSoonAsItIsThereIsUnavailable);
    CPPUNIT_TEST(testAnotherIndexAtTheNextSetUpStopsGrants);
    CPPUNIT_TEST(testSetUpThatIsRefusedTellsWhatToDo);
    CPPUNIT_TEST(testBlockedSetUpIsUnavailable);
    CPPUNIT_TEST(testEngineThatIsTooOldIsNamedWithItsVersion);
    CPPUNIT_TEST(testListAndFindPrepareWithoutMakingTheIndex);
    CPPUNIT_TEST(testStoreWithoutANodeIsRefused);
    CPPUNIT_TEST(testLaterBulkThatFailsDoesNotSpoilTheFirst);
    CPPUNIT_TEST(testLaterBulkThatIsRefusedFailsOnlyItsOwnRenewals);
    CPPUNIT_TEST(testEngineIsUnknownToWhoMayNotAskAndUnavailableWhenItIsDown);
    CPPUNIT_TEST_SUITE_END();

    struct Answer
    {
        std::string to; ///< a part of the matching request's head
        int status = 200;
        std::string body = "{}";
    };

    static std::string failure(const std::string& type) { return R"({"error":{"type":")" + type + R"("}})"; }

    /// Answers each request with the first matching answer, or with an empty success.
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

    /// A store whose engine gives these answers.
    class Store
    {
    public:
        explicit Store(std::vector<Answer> answers) : _server(answering(std::move(answers))), _store(optionsFor(_server)) {}

        static CallContext soon() { return CallContext::within(20s); }

        void prepare() { _store.prepare(soon()); }
        void prepareToRead() { _store.prepareToRead(soon()); }
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

    /// The replies to 1,500 renewals, which are two requests, when the second one gets this answer.
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
    void testAnswerThatMakesNoSenseIsAnErrorWhereverItComes()
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

    void testSearchThatFailsIsNeitherAnEmptyListNorNothingToForget()
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

    void testIndexThatVanishesBeforeTheSearchHoldsNothing()
    {
        const std::vector<Answer> gone{{"_search", 404, failure("index_not_found_exception")}};
        CPPUNIT_ASSERT(Store(gone).list().empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, Store(gone).prune());
    }

    void testPruneForgetsWhatItCanAndTellsIfItCouldForgetNothing()
    {
        // The store did not write the second hit.
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

    void testIndexThatVanishesAsSoonAsItIsThereIsUnavailable()
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
        server.stop(); // the kept connection continues with the old behaviour
        server.listenAgain();
        store.prepare(Store::soon());
        assertNames(messageOf<LockStoreUnavailable>([&] { store.acquire({"a", "sesame", 30s, "{}", 0}, Store::soon()); }), {"vanished"});
    }

    void testStoreWithoutANodeIsRefused()
    {
        messageOf<LockConfigurationError>([] { ElasticsearchLockStore({}); });
    }

    void testSetUpThatIsRefusedTellsWhatToDo()
    {
        const Answer none{"GET /leasehold?", 404, failure("index_not_found_exception")};
        assertNames(messageOf<LockStoreError>(
                        [&] {
                            Store({none, {"PUT /leasehold-1", 403, failure("security_exception")}}).prepare();
                        }),
                    {"403", "let an operator make it"});
        messageOf<LockStoreUnavailable>([&] { Store({none, {"PUT /leasehold-1", 503, failure("cluster_block_exception")}}).prepare(); });
    }

    void testBlockedSetUpIsUnavailable()
    {
        const Answer none{"GET /leasehold?", 404, failure("index_not_found_exception")};
        assertNames(messageOf<LockStoreUnavailable>(
                        [&] {
                            Store({none, {"PUT /leasehold-1", 403, failure("index_create_block_exception")}}).prepare();
                        }),
                    {"403", "cluster.blocks.create_index"});
    }

    void testEngineThatIsTooOldIsNamedWithItsVersion()
    {
        const Answer none{"GET /leasehold?", 404, failure("index_not_found_exception")},
            unknown{"PUT /leasehold-1", 400, failure("illegal_argument_exception")};
        const auto message = [&](const std::string& number)
        {
            const Answer page{"GET / ", 200, R"({"version":{"number":")" + number + R"("}})"};
            return messageOf<LockStoreError>([&] { Store({none, unknown, page}).prepare(); });
        };
        assertNames(message("7.6.2"),
                    {"illegal_argument_exception", "Elasticsearch 7.6.2", "use Elasticsearch 7.10, OpenSearch 1.3, or newer"});
        const auto toReader = messageOf<LockStoreError>(
            [&] {
                Store({none, {"GET / ", 200, R"({"version":{"number":"7.6.2"}})"}}).prepareToRead();
            });
        assertNames(toReader, {"Elasticsearch 7.6.2"});
        const auto recent = message("8.19.0");
        CPPUNIT_ASSERT_MESSAGE(recent, recent.find("8.19.0") == std::string::npos);
        // A user without the right to see the version gets the first failure.
        const auto first = messageOf<LockStoreError>(
            [&] {
                Store({none, unknown, {"GET / ", 503, failure("master_not_discovered_exception")}}).prepare();
            });
        assertNames(first, {"illegal_argument_exception"});
        CPPUNIT_ASSERT_MESSAGE(first, first.find("master") == std::string::npos);
    }

    void testListAndFindPrepareWithoutMakingTheIndex()
    {
        std::atomic<bool> made{false};
        ScriptedServer server(
            [&made](ScriptedServer::Conversation& conversation)
            {
                while (conversation.readRequest())
                {
                    made = made || conversation.head().starts_with("PUT ");
                    conversation.answer(404, failure("index_not_found_exception"));
                }
            });
        ElasticsearchOptions options;
        options.nodes = {server.url()};
        LockManagerService locks(std::make_shared<ElasticsearchLockStore>(options));
        CPPUNIT_ASSERT(locks.list({}).empty());
        CPPUNIT_ASSERT(!locks.find("a"));
        CPPUNIT_ASSERT(!made);
    }

    void testLaterBulkThatFailsDoesNotSpoilTheFirst()
    {
        const auto replies = renewWithALaterBulk(503, "{}");
        CPPUNIT_ASSERT(replies[1000].status == RenewStatus::unavailable);
        assertNames(replies[1499].reason, {"503"});
    }

    void testLaterBulkThatIsRefusedFailsOnlyItsOwnRenewals()
    {
        const auto replies = renewWithALaterBulk(401, failure("security_exception"));
        CPPUNIT_ASSERT(replies[1000].status == RenewStatus::failed);
        assertNames(replies[1499].reason, {"401", "credentials"});
    }

    void testEngineIsUnknownToWhoMayNotAskAndUnavailableWhenItIsDown()
    {
        CPPUNIT_ASSERT_EQUAL(std::string(), Store({{"GET / ", 403, failure("security_exception")}}).engine());
        messageOf<LockStoreUnavailable>([&] { Store({{"GET / ", 503, failure("master_not_discovered_exception")}}).engine(); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HalfWayTroubleTest);

} // namespace Leasehold
