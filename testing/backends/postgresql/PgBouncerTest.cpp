#include "PgBouncer.h"
#include "PostgreSQLFixture.h"

#include "Leasehold/Store/ReleaseFeed.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <thread>
#include <vector>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The store through pgbouncer in transaction mode.
class PgBouncerTest : public PostgreSQLFixture
{
    CPPUNIT_TEST_SUITE(PgBouncerTest);
    CPPUNIT_TEST(testAllVerbsWorkThroughThePooler);
    CPPUNIT_TEST(testRacingThreadsExcludeEachOther);
    CPPUNIT_TEST(testPoolerThatWasNotConfiguredIsNamed);
    CPPUNIT_TEST(testPoolerThatDropsTheSettingsIsNamed);
    CPPUNIT_TEST(testSettingsOfTheEnvironmentDoNotReachThePooler);
    CPPUNIT_TEST(testSetUpThatWasCutOffCanBeMadeAgain);
    CPPUNIT_TEST(testServerThatBecomesReadOnlyIsUnavailable);
    CPPUNIT_TEST(testServerWithAnotherIsolationIsRefused);
    CPPUNIT_TEST(testThereIsNoFeed);
    CPPUNIT_TEST(testServerThatIsAwayIsUnavailableAtTheDeadline);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char* advisoryLockOfSetUp = "7813597702154"; // as in LockSchema.cpp

    static PgBouncer& pooler()
    {
        static PgBouncer shared(server());
        return shared;
    }

    static void setForAll(const std::string& setting, const std::string& value)
    {
        server().query("ALTER SYSTEM SET " + setting + " = '" + value + "'");
        server().query("SELECT pg_reload_conf()");
        until("a new session has the setting", [&] { return server().value("SHOW " + setting) == value; });
    }

    PostgreSQLOptions pooled() const
    {
        auto result = options();
        result.hosts = {"127.0.0.1:" + std::to_string(pooler().port())};
        result.pooler = PostgreSQLPooler::transaction;
        return result;
    }

public:
    void testAllVerbsWorkThroughThePooler()
    {
        const auto first = open(pooled()), second = open(pooled());
        const auto lease = grant(*first, "a");
        CPPUNIT_ASSERT(acquire(*second, "a", "u").status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*second, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, second->list({}, context()).size());
        CPPUNIT_ASSERT(second->release(lease, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(first->breakLock("b", grant(*first, "b").fence, BreakMode::now, context()));
        first->prune(1h, context());
    }

    void testRacingThreadsExcludeEachOther()
    {
        const auto first = open(pooled()), second = open(pooled());
        std::atomic<int> holders{0}, overlaps{0}, grants{0};
        {
            std::vector<std::jthread> crew;
            for (int number = 0; number < 16; ++number)
                crew.emplace_back(
                    [&, number]
                    {
                        auto& store = number % 2 == 0 ? *first : *second;
                        for (int round = 0; round < 200; ++round)
                        {
                            const auto token = std::to_string(number) + "-" + std::to_string(round);
                            const auto reply = acquire(store, "a", token);
                            if (reply.status != AcquireStatus::granted)
                                continue;
                            overlaps += holders++ == 0 ? 0 : 1;
                            ++grants;
                            --holders;
                            store.release({"a", token, reply.record.fence}, context());
                        }
                    });
        }
        CPPUNIT_ASSERT_EQUAL(0, overlaps.load());
        CPPUNIT_ASSERT(grants.load() > 10);
    }

    void testPoolerThatWasNotConfiguredIsNamed()
    {
        auto direct = pooled();
        direct.pooler = PostgreSQLPooler::none;
        assertSays(error([&] { open(direct); }), "set pooler = transaction");
    }

    void testPoolerThatDropsTheSettingsIsNamed()
    {
        const PgBouncer dropping(server(), "ignore_startup_parameters = options");
        auto direct = options();
        direct.hosts = {"127.0.0.1:" + std::to_string(dropping.port())};
        assertSays(error([&] { open(direct); }), "set pooler = transaction");
    }

    void testSettingsOfTheEnvironmentDoNotReachThePooler()
    {
        const EnvironmentVariable settings("PGOPTIONS", "-c work_mem=1MB"); // pgbouncer refuses a connection that brings some
        open(pooled());
    }

    /// An advisory lock of a session would stay with the pooler's session to the server.
    void testSetUpThatWasCutOffCanBeMadeAgain()
    {
        const auto waiting = [] { return server().value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"); };
        PostgresSession operating(server().connectionString() + " dbname=leasehold");
        operating.query(std::string("BEGIN; SELECT pg_advisory_xact_lock(") + advisoryLockOfSetUp + ")");
        std::stop_source cut;
        std::jthread cutter(
            [&]
            {
                until("the set-up waits for its turn", [&] { return waiting() == "1"; });
                cut.request_stop();
            });
        PostgreSQLLockStore store(pooled());
        unavailability([&] { store.prepare(CallContext::within(1min, cut.get_token())); });
        operating.query("COMMIT");
        grant(*open(pooled()), "a");
        until("no advisory lock is left",
              [&] { return server().value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0"; });
    }

    /// The pooler's sessions stay, so only the call itself can notice.
    void testServerThatBecomesReadOnlyIsUnavailable()
    {
        const auto store = open(pooled());
        const auto lease = grant(*store, "a");
        setForAll("default_transaction_read_only", "on");
        std::string said;
        until("a renewal is refused",
              [&]
              {
                  try
                  {
                      return renew(*store, lease).status != RenewStatus::renewed;
                  }
                  catch (const LockStoreUnavailable& problem)
                  {
                      said = problem.message();
                      return true;
                  }
              });
        setForAll("default_transaction_read_only", "off");
        assertSays(said, "25006");
        until("it is renewed again", [&] { return isRenewed(*store, lease); });
    }

    /// Without a pooler the store sets it.
    void testServerWithAnotherIsolationIsRefused()
    {
        setForAll("default_transaction_isolation", "repeatable read");
        std::string said;
        until("a new connection is refused",
              [&]
              {
                  try
                  {
                      open(pooled());
                      return false; // by a session that has not read the setting yet
                  }
                  catch (const LockStoreError& problem)
                  {
                      said = problem.message();
                      return true;
                  }
              });
        grant(*open(), "a");
        setForAll("default_transaction_isolation", "read committed");
        assertSays(said, "set default_transaction_isolation to read committed");
    }

    void testThereIsNoFeed()
    {
        class Sink : public ReleaseSink
        {
            void watching(const std::string&) override {}
            void mayBeFree(const std::string&) override {}
            void lost(std::span<const LeaseRef>) override {}
            void deaf(const std::string&) override {}
        } sink;
        CPPUNIT_ASSERT(!PostgreSQLLockStore(pooled()).releaseFeed(sink));
    }

    void testServerThatIsAwayIsUnavailableAtTheDeadline()
    {
        const auto store = open(pooled());
        const auto lease = grant(*store, "a");
        server().kill();
        const auto began = std::chrono::steady_clock::now();
        const RenewRequest request{lease, longTtl};
        unavailability([&] { store->renew({&request, 1}, CallContext::within(1s)); });
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began < 5s);
        server().restart();
        until("the pooler has noticed", [&] { return isRenewed(*store, lease); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PgBouncerTest);

} // namespace Leasehold
