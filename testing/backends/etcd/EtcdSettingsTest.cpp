#include "Leasehold/EtcdLockStore.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "configuredStore.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

class EtcdSettingsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EtcdSettingsTest);
    CPPUNIT_TEST(testKeysDescribeTheStore);
    CPPUNIT_TEST(testUrlDescribesTheStore);
    CPPUNIT_TEST(testWrongValuesAreRefusedNamingTheKey);
    CPPUNIT_TEST(testSecretsDoNotShow);
    CPPUNIT_TEST_SUITE_END();

    using Keys = ConfiguredStore::Keys;

    static std::shared_ptr<LockStore> create(const Keys& keys) { return configured.create(keys); }
    static std::string refusalOf(const Keys& keys) { return configured.refusalOf(keys); }

    static inline const ConfiguredStore configured{registerEtcdStore, "etcd"};

public:
    void testKeysDescribeTheStore()
    {
        const auto info =
            create({{"url", "http://a, http://b:1"}, {"prefix", "my/locks"}, {"user", "me"}, {"password", "hunter2"}})->info();
        CPPUNIT_ASSERT_EQUAL(std::string("etcd"), info.type);
        CPPUNIT_ASSERT_EQUAL(std::string("http://a:2379, http://b:1, prefix my/locks"), info.location);
        CPPUNIT_ASSERT(info.durable && info.sharedAcrossHosts && info.reservesFences && info.tellsWanted && !info.tellsTime);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2000}, static_cast<std::int64_t>(info.minTtl.count()));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1000}, static_cast<std::int64_t>(info.ttlGranularity.count()));
    }

    void testUrlDescribesTheStore()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("http://a:2379, http://b:1, prefix my/locks"),
                             configured.open("etcd+http://a,b:1/my/locks?max_txn_ops=2000")->info().location);
        CPPUNIT_ASSERT_EQUAL(std::string("http://a:2379, prefix leasehold"), configured.open("etcd+http://a")->info().location);
    }

    void testWrongValuesAreRefusedNamingTheKey()
    {
        const auto require = [](Keys keys, const std::string& text)
        {
            keys.emplace("url", "http://a");
            const auto refusal = refusalOf(keys);
            CPPUNIT_ASSERT_MESSAGE(refusal, refusal.find(text) != std::string::npos);
        };
        for (const auto* prefix : {"/a", "a/", "a//b", "a b", "\xc3\xa4"})
            require({{"prefix", prefix}}, "leasehold.store.etcd.prefix");
        require({{"user", "me"}}, "leasehold.store.etcd.password");
        require({{"password", "x"}}, "leasehold.store.etcd.user");
        require({{"url", "http://me:x@a"}}, "leasehold.store.etcd.url");
        require({{"max_txn_ops", "31"}}, "leasehold.store.etcd.max_txn_ops");
        require({{"client_key_file", "k.pem"}, {"url", "https://a"}}, "leasehold.store.etcd.client_certificate_file");
        require({{"index", "x"}}, "leasehold.store.etcd.index");
    }

    void testSecretsDoNotShow()
    {
        const auto refusal = refusalOf({{"url", "http://a"}, {"password", "hunter2"}});
        CPPUNIT_ASSERT(!refusal.empty() && refusal.find("hunter2") == std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EtcdSettingsTest);

} // namespace Leasehold
