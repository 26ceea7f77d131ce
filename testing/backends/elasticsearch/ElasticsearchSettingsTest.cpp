#include "Leasehold/ElasticsearchLockStore.h"
#include "configuredStore.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/Store/StoreRegistry.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

class ElasticsearchSettingsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ElasticsearchSettingsTest);
    CPPUNIT_TEST(testKeysDescribeTheStore);
    CPPUNIT_TEST(testUrlDescribesTheStore);
    CPPUNIT_TEST(testWrongValuesAreRefusedNamingTheKey);
    CPPUNIT_TEST(testSecretsDoNotShow);
    CPPUNIT_TEST_SUITE_END();

    using Keys = ConfiguredStore::Keys;

    static std::shared_ptr<LockStore> create(const Keys& keys) { return configured.create(keys); }
    static std::string refusalOf(const Keys& keys) { return configured.refusalOf(keys); }

    static inline const ConfiguredStore configured{registerElasticsearchStore, "elasticsearch"};

public:
    void testKeysDescribeTheStore()
    {
        const auto info =
            create(
                {{"url", "http://es-1:9200, http://es-2"}, {"index", "locks"}, {"user", "me"}, {"password", "hunter2"}, {"replicas", "0"}})
                ->info();
        CPPUNIT_ASSERT_EQUAL(std::string("elasticsearch"), info.type);
        CPPUNIT_ASSERT_EQUAL(std::string("http://es-1:9200, http://es-2:9200, index locks"), info.location);
        CPPUNIT_ASSERT(info.durable);
        CPPUNIT_ASSERT(info.sharedAcrossHosts);
        CPPUNIT_ASSERT(create({{"url", "http://es"}, {"api_key", "a2V5"}}) != nullptr);
    }

    void testUrlDescribesTheStore()
    {
        StoreRegistry registry;
        registerElasticsearchStore(registry);
        CPPUNIT_ASSERT_EQUAL(std::string("http://a:9200, http://b:9201, index locks"),
                             registry.open("elasticsearch+http://a,b:9201/locks?replicas=1")->info().location);
        CPPUNIT_ASSERT_THROW(registry.open("elasticsearch+http://me:hunter2@a/locks"), LockConfigurationError);
        CPPUNIT_ASSERT(registry.open("elasticsearch+http://me:hunter2@a/locks", UrlCredentials::allowed)->info().location.find("hunter2") ==
                       std::string::npos);
    }

    void testWrongValuesAreRefusedNamingTheKey()
    {
        const std::vector<std::pair<Keys, std::string>> wrong{
            {{}, "url"},
            {{{"url", "es:9200"}}, "url"},
            {{{"url", "http://a,"}}, "url"},
            {{{"url", "http://me:hunter2@a"}}, "password"},
            {{{"url", "http://a"}, {"index", "Locks"}}, "index"},
            {{{"url", "http://a"}, {"index", "a,b"}}, "index"},
            {{{"url", "http://a"}, {"index", "*"}}, "index"},
            {{{"url", "http://a"}, {"index", ".."}}, "index"},
            {{{"url", "http://a"}, {"user", "me"}}, "password"},
            {{{"url", "http://a"}, {"password", "x"}}, "user"},
            {{{"url", "http://a"}, {"user", "me"}, {"password", "x"}, {"api_key", "k"}}, "api_key"},
            {{{"url", "http://a"}, {"user", "me:you"}, {"password", "x"}}, "user"},
            {{{"url", "http://a"}, {"replicas", "-1"}}, "replicas"},
            {{{"url", "http://a"}, {"replicas", "two"}}, "replicas"},
            {{{"url", "https://a"}, {"ca_file", "/nowhere/ca.pem"}}, "ca_file"},
            {{{"url", "https://a"}, {"client_certificate_file", "c.pem"}}, "client_key_file"},
            {{{"url", "https://a"}, {"client_key_file", "c.key"}}, "client_certificate_file"},
            {{{"url", "https://a"}, {"client_certificate_file", "/nowhere/c.pem"}, {"client_key_file", "c.key"}}, "/nowhere/c.pem"},
            {{{"url", "http://a"}, {"idnex", "x"}}, "index"},
        };
        for (const auto& [keys, named] : wrong)
        {
            const auto refusal = refusalOf(keys);
            CPPUNIT_ASSERT_MESSAGE(named + ": " + refusal, refusal.find("leasehold.store.elasticsearch.") != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(named + ": " + refusal, refusal.find(named) != std::string::npos);
        }
    }

    void testSecretsDoNotShow()
    {
        for (const Keys& keys :
             {Keys{{"url", "http://me:hunter2@a"}}, Keys{{"url", "http://a"}, {"password", "hunter2"}},
              Keys{{"url", "http://a"}, {"api_key", "hunter2\n"}}, Keys{{"url", "http://a,b"}, {"user", "u"}, {"password", "hunter2"}},
              Keys{{"url", "http://me:ab,hunter2@a"}}, Keys{{"url", "http://me:ab/hunter2@a"}},
              Keys{{"url", "http://a"}, {"user", "me:hunter2"}, {"password", "x"}}})
        {
            const auto refusal = refusalOf(keys);
            CPPUNIT_ASSERT(!refusal.empty());
            CPPUNIT_ASSERT_MESSAGE(refusal, refusal.find("hunter2") == std::string::npos);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ElasticsearchSettingsTest);

} // namespace Leasehold
