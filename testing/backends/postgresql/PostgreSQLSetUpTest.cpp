#include "PostgreSQLFixture.h"

#include "LockSchema.h"
#include "SessionPool.h"
#include "net/CallFailure.h"

#include "Leasehold/FaultSchedule.h"
#include "Leasehold/ForkedChild.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The schema: made, refused, emptied, dropped and restored.
class PostgreSQLSetUpTest : public PostgreSQLFixture
{
    CPPUNIT_TEST_SUITE(PostgreSQLSetUpTest);
    CPPUNIT_TEST(testTwentyProcessesThatPrepareAtOnceAllSucceed);
    CPPUNIT_TEST(testSetUpThatWasInterruptedIsMadeGood);
    CPPUNIT_TEST(testWorkerWithTheDocumentedGrantsUsesAllVerbs);
    CPPUNIT_TEST(testUserWithoutRightsIsToldWhatToDo);
    CPPUNIT_TEST(testTableWithOtherColumnsIsRefused);
    CPPUNIT_TEST(testUnloggedTableIsRefused);
    CPPUNIT_TEST(testViewInPlaceOfTheTableIsRefused);
    CPPUNIT_TEST(testDatabaseThatIsNotUtf8KeepsEveryByte);
    CPPUNIT_TEST(testReadOnlyUserIsUnavailable);
    CPPUNIT_TEST(testServerBeforeVersion12IsRefused);
    CPPUNIT_TEST(testReadingPreparesNothing);
    CPPUNIT_TEST(testTruncatedTableLosesLeasesAndGrantsNothingForATtl);
    CPPUNIT_TEST(testDroppedSchemaLosesLeasesAndGrantsNothingForATtl);
    CPPUNIT_TEST(testRestoredTableGrantsNothingForATtl);
    CPPUNIT_TEST(testVacuumAndAnalyzeAreNotTakenForALoss);
    CPPUNIT_TEST(testPruneSparesTheSentinel);
    CPPUNIT_TEST(testTokensAreNotInTheTable);
    CPPUNIT_TEST_SUITE_END();

    /// Whatever happened to the table, the store refuses grants for as long as a lease of the old one may last.
    void requireLoss(PostgreSQLLockStore& store, const LeaseRef& lease, Milliseconds ttl)
    {
        const auto began = std::chrono::steady_clock::now();
        assertSays(unavailability([&] { acquire(store, "other", "t", ttl); }), "the storage vanished or was replaced");
        CPPUNIT_ASSERT(renew(store, lease, ttl).status == RenewStatus::lost);
        until("a grant",
              [&]
              {
                  try
                  {
                      return acquire(store, "other", "t", ttl).status == AcquireStatus::granted;
                  }
                  catch (const LockStoreUnavailable&)
                  {
                      return false;
                  }
              });
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began >= ttl - 100ms);
    }

    /// The SQL block of operating.md, for this test's schema and role.
    std::string documentedGrants(const std::string& role) const
    {
        std::ifstream file(LEASEHOLD_POSTGRESQL_OPERATING);
        std::stringstream text;
        text << file.rdbuf();
        std::string grants;
        for (std::string line; std::getline(text, line);)
        {
            if (line.starts_with("GRANT "))
                grants += line + "\n";
        }
        CPPUNIT_ASSERT(!grants.empty());
        for (const auto& [from, to] : {std::pair<std::string, std::string>{" leasehold ", " " + schema() + " "}, {"worker", role}})
        {
            for (auto at = grants.find(from); at != std::string::npos; at = grants.find(from, at + to.size()))
                grants.replace(at, from.size(), to);
        }
        return grants;
    }

public:
    void testTwentyProcessesThatPrepareAtOnceAllSucceed()
    {
        for (int round = 0; round < (isLongTest() ? 20 : 3); ++round)
        {
            sql("DROP SCHEMA IF EXISTS $SCHEMA CASCADE");
            std::vector<std::unique_ptr<ForkedChild>> processes;
            for (int number = 0; number < 20; ++number)
                processes.push_back(std::make_unique<ForkedChild>(
                    [&]
                    {
                        open();
                        return 0;
                    }));
            for (const auto& process : processes)
                CPPUNIT_ASSERT_EQUAL(0, process->wait());
            CPPUNIT_ASSERT_EQUAL(std::string("1"), sql("SELECT count(*) FROM $SCHEMA.lock").at(0).at(0));
        }
    }

    void testSetUpThatWasInterruptedIsMadeGood()
    {
        const auto lease = grant(*open(), "a");
        sql("DROP FUNCTION $SCHEMA.prune_1(bigint)");
        const auto store = open();
        store->prune(1h, context());
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
    }

    void testWorkerWithTheDocumentedGrantsUsesAllVerbs()
    {
        server().query("BEGIN; " + PostgreSQL::LockSchema::text(schema()) + "; COMMIT");
        const std::string role = "worker_" + schema();
        server().query("CREATE ROLE " + role + " LOGIN; " + documentedGrants(role));
        auto worker = options();
        worker.user = role;
        const auto store = open(worker);
        const auto lease = grant(*store, "a");
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->find("a", context()).has_value());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({}, context()).size());
        CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(store->breakLock("b", grant(*store, "b").fence, BreakMode::now, context()));
        store->prune(1h, context());
        PostgresSession session("host=127.0.0.1 port=" + std::to_string(server().port()) + " dbname=leasehold user=" + role);
        CPPUNIT_ASSERT_THROW(session.query("SELECT token FROM " + schema() + ".lock"), Poco::Exception);
        server().query("DROP SCHEMA " + schema() + " CASCADE; DROP ROLE " + role);
    }

    void testUserWithoutRightsIsToldWhatToDo()
    {
        const std::string role = "stranger_" + schema();
        server().query("CREATE ROLE " + role + " LOGIN");
        auto stranger = options();
        stranger.user = role;
        assertSays(error([&] { open(stranger); }), "let an operator run leasehold-postgresql.sql");
        open();
        assertSays(error([&] { open(stranger); }), "42501");
        server().query("DROP ROLE " + role);
    }

    void testTableWithOtherColumnsIsRefused()
    {
        sql("CREATE SCHEMA $SCHEMA; CREATE TABLE $SCHEMA.lock (name text, holder text)");
        assertSays(error([&] { open(); }), "has other columns (name text, holder text)");
    }

    void testUnloggedTableIsRefused()
    {
        open();
        sql("ALTER TABLE $SCHEMA.lock SET UNLOGGED");
        assertSays(error([&] { open(); }), "unlogged");
    }

    void testViewInPlaceOfTheTableIsRefused()
    {
        sql("CREATE SCHEMA $SCHEMA; CREATE VIEW $SCHEMA.lock AS SELECT 1 AS name");
        assertSays(error([&] { open(); }), "is not an ordinary table");
    }

    void testDatabaseThatIsNotUtf8KeepsEveryByte()
    {
        for (const std::string encoding : {"LATIN1", "SQL_ASCII"})
        {
            const auto database = "encoded_" + encoding;
            server().query("CREATE DATABASE \"" + database + "\" ENCODING '" + encoding + "' LOCALE 'C' TEMPLATE template0");
            auto other = options();
            other.database = database;
            const auto store = open(other);
            const std::string name = "\xF0\x9F\x98\x80 'quoted' \xC3\xA9";
            const std::string metadata = R"({"text":"\u0000 \uD83D\uDE00"})";
            const auto reply = store->acquire({.name = name, .token = "t", .ttl = longTtl, .metadata = metadata}, context());
            CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
            const auto found = store->list({}, context());
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, found.size());
            CPPUNIT_ASSERT_EQUAL(name, found[0].name);
            CPPUNIT_ASSERT_EQUAL(metadata, found[0].metadata);
        }
    }

    void testReadOnlyUserIsUnavailable()
    {
        open();
        const std::string role = "reader_" + schema();
        server().query("CREATE ROLE " + role + " SUPERUSER LOGIN; ALTER ROLE " + role + " SET default_transaction_read_only = on");
        auto reader = options();
        reader.user = role;
        assertSays(unavailability([&] { open(reader); }), "the session is read only");
        server().query("DROP ROLE " + role);
    }

    void testServerBeforeVersion12IsRefused()
    {
        PostgreSQL::SessionState state{.version = 110022, .readsCommitted = true, .lockTimeout = "1s"};
        try
        {
            PostgreSQL::requireUsable(state, PostgreSQLPooler::none);
            CPPUNIT_FAIL("accepted");
        }
        catch (const Net::CallFailure& refused)
        {
            CPPUNIT_ASSERT(refused.isPermanent());
            assertSays(refused.what(), "the server is of version 11: use PostgreSQL 12 or newer");
        }
        state.version = 120000;
        PostgreSQL::requireUsable(state, PostgreSQLPooler::none);
    }

    void testReadingPreparesNothing()
    {
        PostgreSQLLockStore store(options());
        store.prepareToRead(context());
        CPPUNIT_ASSERT(!store.find("a", context()));
        CPPUNIT_ASSERT(store.list({}, context()).empty());
        CPPUNIT_ASSERT_EQUAL(std::string("0"), server().value("SELECT count(*) FROM pg_namespace WHERE nspname = '" + schema() + "'"));
    }

    void testTruncatedTableLosesLeasesAndGrantsNothingForATtl()
    {
        const auto store = open();
        const auto lease = grant(*store, "a", 2s);
        sql("TRUNCATE $SCHEMA.lock");
        requireLoss(*store, lease, 2s);
    }

    void testDroppedSchemaLosesLeasesAndGrantsNothingForATtl()
    {
        const auto store = open();
        const auto lease = grant(*store, "a", 2s);
        sql("DROP SCHEMA $SCHEMA CASCADE");
        CPPUNIT_ASSERT(renew(*store, lease, 2s).status == RenewStatus::lost);
        CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!store->find("a", context()));
        requireLoss(*store, lease, 2s);
    }

    void testRestoredTableGrantsNothingForATtl()
    {
        const auto store = open();
        grant(*store, "old", 2s);
        sql("CREATE TABLE $SCHEMA.dump AS TABLE $SCHEMA.lock");
        const auto lease = grant(*store, "a", 2s);
        sql("BEGIN; TRUNCATE $SCHEMA.lock; INSERT INTO $SCHEMA.lock TABLE $SCHEMA.dump; COMMIT");
        requireLoss(*store, lease, 2s);
    }

    void testVacuumAndAnalyzeAreNotTakenForALoss()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        server().query("VACUUM FREEZE " + schema() + ".lock");
        grant(*store, "b");
        server().query("VACUUM FULL " + schema() + ".lock");
        grant(*store, "c");
        server().query("ANALYZE " + schema() + ".lock");
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        grant(*store, "d");
    }

    void testPruneSparesTheSentinel()
    {
        const auto store = open();
        CPPUNIT_ASSERT(store->release(grant(*store, "a"), context()).status == ReleaseStatus::released);
        until("the record is old enough", [&] { return store->prune(1ms, context()) == 1; });
        CPPUNIT_ASSERT_EQUAL(std::string("1"), sql("SELECT count(*) FROM $SCHEMA.lock").at(0).at(0));
        grant(*store, "b");
    }

    void testTokensAreNotInTheTable()
    {
        const auto store = open();
        grant(*store, "a", longTtl, "secret-token");
        CPPUNIT_ASSERT_EQUAL(std::string("0"),
                             sql("SELECT count(*) FROM $SCHEMA.lock l WHERE position('secret-token'::bytea IN l.token) > 0").at(0).at(0));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PostgreSQLSetUpTest);

} // namespace Leasehold
