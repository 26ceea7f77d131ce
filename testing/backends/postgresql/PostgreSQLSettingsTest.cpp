#include "configuredStore.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/PostgreSQLLockStore.h"

#include <cppunit/extensions/HelperMacros.h>

#include <functional>
#include <string>
#include <utility>

namespace Leasehold
{

class PostgreSQLSettingsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(PostgreSQLSettingsTest);
    CPPUNIT_TEST(testUrlsSetTheKeys);
    CPPUNIT_TEST(testPasswordInUrlIsRefusedAndNotShown);
    CPPUNIT_TEST(testInvalidValuesAreRefused);
    CPPUNIT_TEST(testInvalidOptionsAreRefused);
    CPPUNIT_TEST(testStoreOfSeveralKeysTellsItsPlace);
    CPPUNIT_TEST_SUITE_END();

    using Keys = ConfiguredStore::Keys;

    static inline const ConfiguredStore configured{registerPostgreSQLStore, "postgresql"};

    static void assertRefused(const std::string& key, const std::function<void()>& work)
    {
        const auto refusal = ConfiguredStore::refusalBy(work);
        CPPUNIT_ASSERT_MESSAGE(refusal, refusal.find("leasehold.store.postgresql." + key) != std::string::npos);
    }

public:
    void testUrlsSetTheKeys()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("db:5432, database leasehold, schema leasehold"),
                             configured.open("postgresql://db")->info().location);
        CPPUNIT_ASSERT_EQUAL(std::string("db-1:5432, db-2:5433, database jobs, schema s"),
                             configured.open("postgresql://worker@db-1,db-2:5433/jobs?schema=s")->info().location);
    }

    void testPasswordInUrlIsRefusedAndNotShown()
    {
        for (const std::string url : {"postgresql://u:hunter2@db/jobs", "postgresql://db/jobs?password=hunter2"})
        {
            const auto refusal = ConfiguredStore::refusalBy([&] { configured.open(url); });
            CPPUNIT_ASSERT_MESSAGE(refusal, !refusal.empty() && refusal.find("hunter2") == std::string::npos);
        }
    }

    void testInvalidValuesAreRefused()
    {
        const std::pair<const char*, Keys> refused[] = {
            {"hosts", {{"database", "jobs"}}},
            {"hosts", {{"hosts", "h,,g"}}},
            {"hosts", {{"hosts", "h:0"}}},
            {"database", {{"hosts", "h"}, {"database", ""}}},
            {"user", {{"hosts", "h"}, {"user", ""}}},
            {"schema", {{"hosts", "h"}, {"schema", "Jobs"}}},
            {"schema", {{"hosts", "h"}, {"schema", "pg_jobs"}}},
            {"sslmode", {{"hosts", "h"}, {"sslmode", "prefer"}}},
            {"pooler", {{"hosts", "h"}, {"pooler", "session"}}},
            {"passfile", {{"hosts", "h"}, {"password", "hunter2"}, {"passfile", "/p"}}},
            {"client_key_file", {{"hosts", "h"}, {"client_certificate_file", "/c"}}},
            {"client_certificate_file", {{"hosts", "h"}, {"client_key_file", "/k"}}},
        };
        for (const auto& [key, keys] : refused)
            assertRefused(key, [&keys = keys] { configured.create(keys); });
    }

    void testInvalidOptionsAreRefused()
    {
        assertRefused("hosts", [] { PostgreSQLLockStore{PostgreSQLOptions{}}; });
        assertRefused("database", [] { PostgreSQLLockStore{PostgreSQLOptions{.hosts = {"h"}, .database = ""}}; });
        assertRefused("user", [] { PostgreSQLLockStore{PostgreSQLOptions{.hosts = {"h"}, .user = ""}}; });
        assertRefused("schema", [] { PostgreSQLLockStore{PostgreSQLOptions{.hosts = {"h"}, .schema = "a;b"}}; });
    }

    void testStoreOfSeveralKeysTellsItsPlace()
    {
        const auto info =
            configured.create({{"hosts", "a, b:7"}, {"sslmode", "verify-ca"}, {"password", "hunter2"}, {"pooler", "transaction"}})->info();
        CPPUNIT_ASSERT_EQUAL(std::string("a:5432, b:7, database leasehold, schema leasehold"), info.location);
        CPPUNIT_ASSERT(info.sharedAcrossHosts && info.durable && info.reservesFences && info.tellsWanted && info.tellsTime);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PostgreSQLSettingsTest);

} // namespace Leasehold
