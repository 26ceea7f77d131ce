#include "PostgreSQLFixture.h"

#include "LockCalls.h"
#include "ServerTrouble.h"
#include "SessionPool.h"

#include "Leasehold/FaultSchedule.h"
#include "Leasehold/ForkedChild.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>
#include <vector>

namespace Leasehold
{

using namespace std::chrono_literals;

/// What other sessions, operators and crashes do to a store. Most of it went wrong in other lock libraries.
class PostgreSQLTroubleTest : public PostgreSQLFixture
{
    CPPUNIT_TEST_SUITE(PostgreSQLTroubleTest);
    CPPUNIT_TEST(testRowLockedByAnotherSessionDelaysNoOtherRenewal);
    CPPUNIT_TEST(testAcquireThatWaitedForARowJudgesByTheTimeAfterTheWait);
    CPPUNIT_TEST(testAcquireOfARowThatStaysLockedIsUnavailable);
    CPPUNIT_TEST(testForeignTokenAndOldFenceAreRefused);
    CPPUNIT_TEST(testTransactionWhoseCommitFailsGrantsAndRenewsNothing);
    CPPUNIT_TEST(testFailedStepFailsNoOtherStepOfItsBatch);
    CPPUNIT_TEST(testFailedBatchTakesNoEffect);
    CPPUNIT_TEST(testFunctionsThatAnswerNonsenseAreAnError);
    CPPUNIT_TEST(testServerThatDoesNotFlushIsWarnedOf);
    CPPUNIT_TEST(testTerminatedSessionsAreReplaced);
    CPPUNIT_TEST(testDiscardedAndOutdatedStatementsAreSentAgain);
    CPPUNIT_TEST(testSerializableDefaultChangesNothing);
    CPPUNIT_TEST(testAsynchronousDefaultIsOverruledForGrants);
    CPPUNIT_TEST(testMaintenanceOfTheTableLosesNoLease);
    CPPUNIT_TEST(testTableThatWasVacuumedWhileEmptyIsReadByItsIndex);
    CPPUNIT_TEST(testNamesWithTheSameHashAreTwoLocks);
    CPPUNIT_TEST(testCrashForgetsNoGrantAndNoRenewal);
    CPPUNIT_TEST(testRacingAttemptsNeverGrantTwice);
    CPPUNIT_TEST(testOpenTransactionInAnotherDatabaseHarmsNothing);
    CPPUNIT_TEST(testMessagesShowNoValueOfTheServer);
    CPPUNIT_TEST(testUnreachableServerLeavesTimeForTheNext);
    CPPUNIT_TEST(testDeadAddressOfANameHidesNoOther);
    CPPUNIT_TEST(testLockOfAProcessThatIsStoppedAnywhereEnds);
    CPPUNIT_TEST(testUnixSocketIsUsed);
    CPPUNIT_TEST(testForkedChildCannotUseItsParentsStore);
    CPPUNIT_TEST(testCancelledCallEndsSoon);
    CPPUNIT_TEST_SUITE_END();

    std::string connectionString() const { return server().connectionString() + " dbname=leasehold"; }

    /// Sends the request again while the store is unavailable: on a machine under load a row may stay locked longer than a call waits for
    /// it.
    template <typename Call>
    static auto insist(Call call)
    {
        const auto end = std::chrono::steady_clock::now() + 30s;
        for (;;)
        {
            try
            {
                return call();
            }
            catch (const LockStoreUnavailable&)
            {
                if (std::chrono::steady_clock::now() > end)
                    throw;
            }
        }
    }

public:
    void testRowLockedByAnotherSessionDelaysNoOtherRenewal()
    {
        const auto store = open();
        std::vector<RenewRequest> requests;
        for (int number = 0; number < 1000; ++number)
            requests.push_back({grant(*store, "lock-" + std::to_string(number)), longTtl});
        PostgresSession operating(connectionString());
        operating.query("BEGIN; SELECT 1 FROM " + schema() + ".lock WHERE name = 'lock-500' FOR UPDATE");
        const auto replies = store->renew(requests, context());
        operating.query("ROLLBACK");
        for (std::size_t number = 0; number < replies.size(); ++number)
        {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(number),
                                         std::string(toString(number == 500 ? RenewStatus::unavailable : RenewStatus::renewed)),
                                         std::string(toString(replies[number].status)));
        }
        CPPUNIT_ASSERT(renew(*store, requests[500].lease).status == RenewStatus::renewed);
    }

    void testAcquireThatWaitedForARowJudgesByTheTimeAfterTheWait()
    {
        const auto store = open();
        const auto lease = grant(*store, "a", 600ms);
        PostgresSession operating(connectionString());
        operating.query("BEGIN; SELECT 1 FROM " + schema() + ".lock WHERE name = 'a' FOR UPDATE");
        AcquireReply reply;
        std::jthread waiter(
            [&]
            {
                // It waits for the row to write its note, and the lease ends meanwhile.
                reply = store->acquire({.name = "a", .token = "u", .ttl = longTtl, .wantedFor = 1s}, context());
            });
        until("the acquire waits for the row",
              [&] { return server().value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") != "0"; });
        until("the lease has ended", [&] { return !store->find("a", context()); });
        operating.query("COMMIT");
        waiter.join();
        CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
        CPPUNIT_ASSERT(reply.record.fence > lease.fence);
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::lost);
    }

    void testAcquireOfARowThatStaysLockedIsUnavailable()
    {
        const auto store = open();
        CPPUNIT_ASSERT(store->release(grant(*store, "a"), context()).status == ReleaseStatus::released);
        PostgresSession operating(connectionString());
        operating.query("BEGIN; SELECT 1 FROM " + schema() + ".lock WHERE name = 'a' FOR UPDATE");
        assertSays(unavailability([&] { acquire(*store, "a", "u"); }), "55P03");
        operating.query("ROLLBACK");
        grant(*store, "a", longTtl, "v");
    }

    void testForeignTokenAndOldFenceAreRefused()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        CPPUNIT_ASSERT(renew(*store, {"a", "foreign", lease.fence}).status == RenewStatus::lost);
        CPPUNIT_ASSERT(renew(*store, {"a", lease.token, lease.fence - 1}).status == RenewStatus::lost);
        CPPUNIT_ASSERT(store->release({"a", "foreign", lease.fence}, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
    }

    /// The result of the call comes before that of the commit.
    void testTransactionWhoseCommitFailsGrantsAndRenewsNothing()
    {
        const auto store = open();
        const auto lease = grant(*store, "a", 30s);
        sql("CREATE FUNCTION $SCHEMA.refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$; "
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON $SCHEMA.lock DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION $SCHEMA.refuse()");
        assertSays(unavailability([&] { acquire(*store, "b", "t"); }), "40001");
        assertSays(unavailability([&] { store->release(lease, context()); }), "40001");
        try
        {
            CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::unavailable);
        }
        catch (const LockStoreUnavailable& refused)
        {
            assertSays(refused.message(), "40001");
        }
        CPPUNIT_ASSERT(!store->find("b", context()));
        const auto found = store->find("a", context());
        CPPUNIT_ASSERT(found && found->remaining <= 30s);
    }

    void testFailedStepFailsNoOtherStepOfItsBatch()
    {
        const auto store = open();
        sql("ALTER TABLE $SCHEMA.lock ADD CONSTRAINT tight CHECK (metadata <> 'forbidden')");
        std::atomic<int> granted{0}, refused{0};
        {
            std::vector<std::jthread> crew;
            for (int number = 0; number < 16; ++number)
                crew.emplace_back(
                    [&, number]
                    {
                        for (int round = 0; round < 20; ++round)
                        {
                            const std::string metadata = number % 8 == 0 ? "forbidden" : "{}";
                            const auto name = std::to_string(number) + "-" + std::to_string(round);
                            try
                            {
                                store->acquire({.name = name, .token = "t", .ttl = longTtl, .metadata = metadata}, context());
                                ++granted;
                            }
                            catch (const LockStoreError&)
                            {
                                ++refused;
                            }
                        }
                    });
        }
        CPPUNIT_ASSERT_EQUAL(14 * 20, granted.load());
        CPPUNIT_ASSERT_EQUAL(2 * 20, refused.load());
        CPPUNIT_ASSERT_EQUAL(std::size_t{14 * 20}, store->list({}, context()).size());
    }

    void testFailedBatchTakesNoEffect()
    {
        const auto store = open();
        sql("ALTER TABLE $SCHEMA.lock ADD CONSTRAINT tight CHECK (metadata <> 'forbidden')");
        const PostgreSQL::LockCalls calls(schema());
        PostgreSQL::SessionPool pool(options(), calls);
        auto session = pool.connect(context());
        const auto era = sql("SELECT o_era FROM $SCHEMA.about_1()").at(0).at(0);
        const AcquireRequest good{.name = "good", .token = "t", .ttl = longTtl, .metadata = "{}"},
            bad{.name = "worse", .token = "t", .ttl = longTtl, .metadata = "forbidden"};
        CPPUNIT_ASSERT_THROW(session.run({calls.acquire(good, era), calls.acquire(bad, era), calls.acquire(good, era)}, context()),
                             PostgreSQL::Refusal);
        CPPUNIT_ASSERT(store->list({}, context()).empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, session.run({calls.acquire(good, era)}, context()).size()); // the session goes on
    }

    void testFunctionsThatAnswerNonsenseAreAnError()
    {
        const auto store = open();
        sql("CREATE OR REPLACE FUNCTION $SCHEMA.list_1(p_from bytea, p_until bytea, p_after bytea, p_limit bigint)"
            " RETURNS TABLE (o_name bytea, o_now bigint, o_fence bigint, o_acquired bigint, o_expires bigint, o_ttl bigint,"
            " o_metadata bytea, o_broken boolean) LANGUAGE sql"
            " AS 'SELECT NULL::bytea, 1::bigint, 1::bigint, 1::bigint, 1::bigint, 1::bigint, NULL::bytea, false'");
        assertSays(error([&] { store->list({}, context()); }), "makes no sense");
    }

    void testServerThatDoesNotFlushIsWarnedOf()
    {
        const auto setFsync = [this](const std::string& value)
        {
            sql("ALTER SYSTEM SET fsync = " + value);
            sql("SELECT pg_reload_conf()");
            until("fsync is " + value, [&] { return server().value("SHOW fsync") == value; });
        };
        setFsync("off");
        const auto info = open()->info();
        setFsync("on");
        CPPUNIT_ASSERT(!info.durable);
        assertSays(info.warning, "fsync off");
    }

    void testTerminatedSessionsAreReplaced()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leasehold'");
        until("the sessions are gone",
              [&] { return server().value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leasehold'") == "0"; });
        // The server forgets a session a moment before it closes the connection: a renewal in between has no outcome.
        until("a new session renews", [&] { return isRenewed(*store, lease); });
    }

    void testDiscardedAndOutdatedStatementsAreSentAgain()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        // What a pooler in session mode does between two clients, on the store's own session.
        sql("CREATE FUNCTION $SCHEMA.discard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DEALLOCATE ALL; RETURN NULL; END $$; "
            "CREATE TRIGGER discard AFTER UPDATE ON $SCHEMA.lock EXECUTE FUNCTION $SCHEMA.discard()");
        for (int time = 0; time < 3; ++time)
            CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        sql("DROP TRIGGER discard ON $SCHEMA.lock; ALTER TABLE $SCHEMA.lock ADD COLUMN note text");
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->find("a", context()).has_value());
        grant(*open(), "b");
    }

    void testSerializableDefaultChangesNothing()
    {
        const std::string role = "strict_" + schema();
        server().query("CREATE ROLE " + role + " SUPERUSER LOGIN; ALTER ROLE " + role +
                       " SET default_transaction_isolation = serializable");
        auto strict = options();
        strict.user = role;
        const auto store = open(strict);
        std::atomic<int> granted{0}, failed{0};
        {
            std::vector<std::jthread> threads;
            for (int number = 0; number < 16; ++number)
                threads.emplace_back(
                    [&, number]
                    {
                        for (int round = 0; round < 20; ++round)
                        {
                            try
                            {
                                const auto token = std::to_string(number) + "-" + std::to_string(round);
                                const auto reply = acquire(*store, "a", token);
                                granted += reply.status == AcquireStatus::granted ? 1 : 0;
                                if (reply.status == AcquireStatus::granted)
                                    store->release({"a", token, reply.record.fence}, context());
                            }
                            catch (const LockStoreError&)
                            {
                                ++failed;
                            }
                        }
                    });
        }
        CPPUNIT_ASSERT_EQUAL(0, failed.load());
        CPPUNIT_ASSERT(granted.load() > 0);
        server().query("DROP SCHEMA " + schema() + " CASCADE; DROP OWNED BY " + role + "; DROP ROLE " + role);
    }

    void testAsynchronousDefaultIsOverruledForGrants()
    {
        const std::string role = "hasty_" + schema();
        server().query("CREATE ROLE " + role + " SUPERUSER LOGIN; ALTER ROLE " + role + " SET synchronous_commit = off");
        auto hasty = options();
        hasty.user = role;
        const auto store = open(hasty);
        // A trigger sees the setting of the transaction.
        sql("CREATE TABLE $SCHEMA.seen (setting text); "
            "CREATE FUNCTION $SCHEMA.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO $SCHEMA.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$; "
            "CREATE TRIGGER look AFTER INSERT OR UPDATE ON $SCHEMA.lock EXECUTE FUNCTION $SCHEMA.look()");
        const auto lease = grant(*store, "a");
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
        const auto seen = sql("SELECT string_agg(setting, ' ') FROM $SCHEMA.seen").at(0).at(0);
        CPPUNIT_ASSERT_EQUAL(std::string("on on off"), seen);
        server().query("DROP SCHEMA " + schema() + " CASCADE; DROP OWNED BY " + role + "; DROP ROLE " + role);
    }

    void testMaintenanceOfTheTableLosesNoLease()
    {
        const auto store = open();
        const auto lease = grant(*store, "a", 30s);
        std::atomic<bool> ends{false};
        std::jthread maintenance(
            [&]
            {
                PostgresSession session(connectionString());
                while (!ends)
                {
                    session.query("VACUUM " + schema() + ".lock");
                    // The lock of a dump.
                    session.query("BEGIN; LOCK TABLE " + schema() + ".lock IN ACCESS SHARE MODE; SELECT * FROM " + schema() +
                                  ".lock; COMMIT");
                }
            });
        for (int time = 0; time < 200; ++time)
            CPPUNIT_ASSERT(renew(*store, lease, 30s).status == RenewStatus::renewed);
        ends = true;
    }

    void testTableThatWasVacuumedWhileEmptyIsReadByItsIndex()
    {
        open();
        until("the sessions of the set-up have told their statistics",
              [&] { return server().value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leasehold'") == "0"; });
        server().query("VACUUM " + schema() + ".lock");
        const auto scans = [&](const char* kind)
        {
            return std::stoi(server().value(std::string("SELECT ") + kind + "_scan FROM pg_stat_user_tables WHERE schemaname = '" +
                                            schema() + "' AND relname = 'lock'"));
        };
        const int whole = scans("seq"), byIndex = scans("idx");
        {
            const auto store = open();
            for (int number = 0; number < 50; ++number)
                grant(*store, std::to_string(number));
        }
        until("the sessions have told their statistics", [&] { return scans("idx") >= byIndex + 100; });
        CPPUNIT_ASSERT_EQUAL(whole, scans("seq"));
    }

    void testNamesWithTheSameHashAreTwoLocks()
    {
        const auto rows = server().query("SELECT min(n::text), max(n::text) FROM generate_series(1, 300000) n "
                                         "GROUP BY hashtext(n::text) HAVING count(*) > 1 LIMIT 1");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rows.size());
        const auto store = open();
        grant(*store, rows[0][0]);
        grant(*store, rows[0][1]);
    }

    void testCrashForgetsNoGrantAndNoRenewal()
    {
        const auto store = open();
        const auto first = grant(*store, "a", 1min), second = grant(*store, "b", 1min);
        CPPUNIT_ASSERT(renew(*store, second, 1h).status == RenewStatus::renewed);
        server().kill();
        assertSays(unavailability([&] { acquire(*store, "c", "t"); }), "nothing was sent");
        server().restart();
        CPPUNIT_ASSERT(acquire(*store, "a", "u").status == AcquireStatus::held);
        const auto found = store->find("b", context());
        CPPUNIT_ASSERT(found && found->remaining > 50min);
        CPPUNIT_ASSERT(renew(*store, first).status == RenewStatus::renewed);
    }

    void testRacingAttemptsNeverGrantTwice()
    {
        constexpr int threads = 8, views = 4, attempts = 100'000;
        std::vector<std::unique_ptr<PostgreSQLLockStore>> stores;
        for (int view = 0; view < views; ++view)
            stores.push_back(open());
        std::atomic<int> left{attempts}, holders{0}, overlaps{0}, grants{0};
        std::atomic<Fence> last{0};
        {
            std::vector<std::jthread> crew;
            for (int number = 0; number < threads; ++number)
                crew.emplace_back(
                    [&, number]
                    {
                        auto& store = *stores[static_cast<std::size_t>(number % views)];
                        for (int attempt = left--; attempt > 0; attempt = left--)
                        {
                            const auto token = "t" + std::to_string(attempt);
                            const auto reply = insist([&] { return acquire(store, "a", token); });
                            if (reply.status != AcquireStatus::granted)
                                continue;
                            overlaps += holders++ == 0 && reply.record.fence > last.exchange(reply.record.fence) ? 0 : 1;
                            ++grants;
                            --holders;
                            insist([&] { return store.release({"a", token, reply.record.fence}, context()); });
                        }
                    });
        }
        CPPUNIT_ASSERT_EQUAL(0, overlaps.load());
        CPPUNIT_ASSERT(grants.load() > 100);
    }

    void testOpenTransactionInAnotherDatabaseHarmsNothing()
    {
        PostgresSession old(server().connectionString() + " dbname=postgres");
        old.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()");
        const auto store = open();
        const auto lease = grant(*store, "a");
        for (int time = 0; time < 3000; ++time)
            renew(*store, lease);
        server().query("VACUUM " + schema() + ".lock");
        const auto dead = std::stoul(
            server().value("SELECT n_dead_tup FROM pg_stat_user_tables WHERE schemaname = '" + schema() + "' AND relname = 'lock'"));
        old.query("COMMIT");
        CPPUNIT_ASSERT_MESSAGE(std::to_string(dead), dead < 100);
    }

    void testMessagesShowNoValueOfTheServer()
    {
        const auto store = open();
        sql("ALTER TABLE $SCHEMA.lock ADD CONSTRAINT tight CHECK (metadata <> 'forbidden')");
        const auto said =
            error([&] { store->acquire({.name = "a", .token = "secret-token", .ttl = longTtl, .metadata = "forbidden"}, context()); });
        assertSays(said, "23514");
        CPPUNIT_ASSERT_MESSAGE(said, said.find("forbidden") == std::string::npos && said.find("secret-token") == std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(said, said.find("tight") == std::string::npos);
    }

    void testUnreachableServerLeavesTimeForTheNext()
    {
        // A listener whose backlog is full answers nothing.
        PostgresServer silent("postgresql15");
        silent.pause();
        auto both = options();
        both.hosts.insert(both.hosts.begin(), "127.0.0.1:" + std::to_string(silent.port()));
        PostgreSQLLockStore store(both);
        const auto began = std::chrono::steady_clock::now();
        store.prepare(CallContext::within(10s));
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began < 9s);
        assertSays(store.info().warning, "a server was left out");
        silent.resume();
    }

    void testDeadAddressOfANameHidesNoOther()
    {
        auto named = options();
        named.hosts = {"two-addresses.test:" + std::to_string(server().port())}; // see TwoAddresses.cpp
        const auto store = open(named);
        grant(*store, "a");
        sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leasehold'");
        until("a new session reads",
              [&]
              {
                  try
                  {
                      return store->find("a", context()).has_value();
                  }
                  catch (const LockStoreUnavailable&)
                  {
                      return false;
                  }
              });
    }

    /// Its session may keep a row locked only for the moment of a call, whatever it was doing.
    void testLockOfAProcessThatIsStoppedAnywhereEnds()
    {
        const auto store = open();
        const ForkedChild worker(
            [&]
            {
                const auto own = open();
                for (int round = 0;; ++round)
                {
                    const auto token = std::to_string(round);
                    const auto reply = acquire(*own, "a", token, 300ms);
                    if (reply.status == AcquireStatus::granted)
                        own->release({"a", token, reply.record.fence}, context());
                }
                return 0;
            });
        std::minstd_rand random(20261129);
        for (int round = 0; round < (isLongTest() ? 100 : 10); ++round)
        {
            const auto fence = [&]
            {
                const auto found = store->find("a", context());
                return found ? found->fence : 0;
            };
            const auto before = fence();
            until("the worker works", [&] { return fence() > before; });
            for (auto looks = random() % 20; looks > 0; --looks)
                fence();
            worker.signal(SIGSTOP);
            worker.waitUntilStopped();
            LeaseRef lease{"a", "other" + std::to_string(round), 0};
            const auto began = std::chrono::steady_clock::now();
            until("the lock is free",
                  [&]
                  {
                      const auto reply = acquire(*store, "a", lease.token);
                      lease.fence = reply.record.fence;
                      return reply.status == AcquireStatus::granted;
                  });
            CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began < 10s);
            CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
            worker.signal(SIGCONT);
        }
    }

    void testUnixSocketIsUsed()
    {
        auto local = options();
        local.hosts = {server().folder().string() + ":" + std::to_string(server().port())};
        grant(*open(local), "a");
    }

    void testForkedChildCannotUseItsParentsStore() { assertForkedChildIsRefused(open()); }

    void testCancelledCallEndsSoon()
    {
        const auto store = open();
        std::stop_source stop;
        server().pause();
        std::jthread canceller([&] { stop.request_stop(); });
        const auto said = unavailability([&] { store->find("a", CallContext::within(20s, stop.get_token())); });
        server().resume();
        assertSays(said, "cancelled");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PostgreSQLTroubleTest);

} // namespace Leasehold
