#include "ServerAddress.h"
#include "configuredStore.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/RedisLockStore.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

class RedisSettingsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(RedisSettingsTest);
    CPPUNIT_TEST(testUrlsSetTheKeys);
    CPPUNIT_TEST(testPasswordInUrlIsRefusedAndNotShown);
    CPPUNIT_TEST(testAddressesAreRead);
    CPPUNIT_TEST(testInvalidValuesAreRefused);
    CPPUNIT_TEST(testStoreOfSeveralKeysTellsItsPlace);
    CPPUNIT_TEST_SUITE_END();

    using Keys = ConfiguredStore::Keys;

    static inline const ConfiguredStore configured{registerRedisStore, "redis"};

public:
    void testUrlsSetTheKeys()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("cache-1:6379, database 0, prefix leasehold"),
                             configured.open("redis://cache-1")->info().location);
        CPPUNIT_ASSERT_EQUAL(std::string("cache-1:7000, database 3, prefix p"),
                             configured.open("redis://cache-1:7000/3?prefix=p")->info().location);
        CPPUNIT_ASSERT_EQUAL(std::string("cache-1:6379, database 0, prefix leasehold"),
                             configured.open("rediss://cache-1/0")->info().location);
        CPPUNIT_ASSERT_EQUAL(std::string("a:26379, b:7, primary mine, database 0, prefix leasehold"),
                             configured.open("redis+sentinel://a,b:7/mine")->info().location);
        CPPUNIT_ASSERT_EQUAL(std::string("/run/redis.sock, database 2, prefix leasehold"),
                             configured.open("unix:///run/redis.sock?database=2")->info().location);
    }

    void testPasswordInUrlIsRefusedAndNotShown()
    {
        for (const std::string url :
             {"redis://u:hunter2@cache-1", "redis://cache-1?password=hunter2", "redis://cache-1?sentinel_password=hunter2"})
        {
            const auto refusal = ConfiguredStore::refusalBy([&] { configured.open(url); });
            CPPUNIT_ASSERT_MESSAGE(refusal, !refusal.empty() && refusal.find("hunter2") == std::string::npos);
        }
    }

    void testAddressesAreRead()
    {
        using Redis::ServerAddress;
        for (const auto& [text, read] :
             Keys{{"h", "h:6379"}, {"h:1", "h:1"}, {"[::1]", "[::1]:6379"}, {"[::1]:2", "[::1]:2"}, {"/s", "/s"}})
            CPPUNIT_ASSERT_EQUAL(read, ServerAddress::parse(text, "nodes", 6379).text());
        for (const std::string text : {"", ":1", "h:", "h:0", "h:65536", "h:1x", "::1", "[::1", "h h", "redis://h", "u@h"})
        {
            const auto refusal = ConfiguredStore::refusalBy([&] { ServerAddress::parse(text, "nodes", 6379); });
            CPPUNIT_ASSERT_MESSAGE(refusal, refusal.starts_with("nodes ") && refusal.find("HOST:PORT") != std::string::npos);
        }
    }

    void testInvalidValuesAreRefused()
    {
        CPPUNIT_ASSERT_THROW(RedisLockStore{RedisOptions{}}, LockConfigurationError); // no node
        const std::pair<Keys, const char*> refused[] = {
            {{{"nodes", "h"}, {"prefix", "{a}"}}, "leasehold.store.redis.prefix"},
            {{{"nodes", "h"}, {"prefix", "a b"}}, "leasehold.store.redis.prefix"},
            {{{"nodes", "h"}, {"prefix", std::string(201, 'p')}}, "leasehold.store.redis.prefix"},
            {{{"nodes", "h"}, {"user", "u"}}, "leasehold.store.redis.user"},
            {{{"nodes", "h"}, {"sentinel", "s"}, {"sentinel_user", "u"}}, "leasehold.store.redis.sentinel_user"},
            {{{"nodes", "h"}, {"sentinel_password", "p"}}, "leasehold.store.redis.sentinel_password"},
            {{{"nodes", "h"}, {"sentinel", "s"}, {"durable", "true"}}, "leasehold.store.redis.durable"},
            {{{"socket", "/s"}, {"tls", "true"}}, "leasehold.store.redis.tls"},
            {{{"socket", "/" + std::string(200, 's')}}, "leasehold.store.redis.nodes"},
            {{{"socket", "/s"}, {"nodes", "h"}}, "leasehold.store.redis.socket"},
            {{{"prefix", "p"}}, "leasehold.store.redis.nodes"},
            {{{"nodes", "h,,g"}}, "leasehold.store.redis.nodes"},
            {{{"nodes", "h"}, {"database", "-1"}}, "leasehold.store.redis.database"},
            {{{"nodes", "h"}, {"replicas", "many"}}, "leasehold.store.redis.replicas"},
            {{{"nodes", "h"}, {"tls", "true"}, {"ca_file", "/no/such/file"}}, "leasehold.store.redis.ca_file"},
        };
        for (const auto& [keys, named] : refused)
        {
            const auto refusal = ConfiguredStore::refusalBy([&keys = keys] { configured.create(keys); });
            CPPUNIT_ASSERT_MESSAGE(refusal, refusal.find(named) != std::string::npos);
        }
    }

    void testStoreOfSeveralKeysTellsItsPlace()
    {
        const auto store = configured.create({{"nodes", "a, b:7"}, {"password", "hunter2"}, {"replicas", "2"}, {"prefix", "jobs"}});
        const auto info = store->info();
        CPPUNIT_ASSERT_EQUAL(std::string("a:6379, b:7, database 0, prefix jobs"), info.location);
        CPPUNIT_ASSERT(info.sharedAcrossHosts && info.reservesFences && info.tellsWanted && !info.durable);
        CPPUNIT_ASSERT(configured.create({{"nodes", "a"}, {"durable", "yes"}})->info().durable);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisSettingsTest);

} // namespace Leasehold
