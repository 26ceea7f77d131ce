#include "Leasehold/StoreRegistry.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/LockStore.h"
#include "Leasehold/StoreSettings.h"
#include "thrown.h"

#include <Poco/AutoPtr.h>
#include <Poco/Util/JSONConfiguration.h>
#include <Poco/Util/LayeredConfiguration.h>
#include <Poco/Util/MapConfiguration.h>

#include <cppunit/extensions/HelperMacros.h>

#include <random>
#include <sstream>

using namespace Leasehold;

namespace
{

using Settings = std::map<std::string, std::string>;

// Knows its settings and nothing else: these tests must not reach a storage.
class UntouchedStore : public LockStore
{
public:
    explicit UntouchedStore(std::string type) : _type(std::move(type)) {}

    StoreInfo info() const override { return {.type = _type, .maxTtl = LeasePolicy::maxTtl}; }
    void prepare(const CallContext&) override { touched(); }
    AcquireReply acquire(const AcquireRequest&, const CallContext&) override { touched(); }
    std::vector<RenewReply> renew(std::span<const RenewRequest>, const CallContext&) override { touched(); }
    ReleaseStatus release(const LeaseRef&, const CallContext&) override { touched(); }
    std::optional<LockRecord> find(const std::string&, const CallContext&) override { touched(); }
    std::vector<LockRecord> list(const ListQuery&, const CallContext&) override { touched(); }
    bool breakLock(const std::string&, Fence, BreakMode, const CallContext&) override { touched(); }
    std::size_t prune(Milliseconds, const CallContext&) override { touched(); }

private:
    [[noreturn]] static void touched() { throw LockStoreError("the store was touched"); }

    std::string _type;
};

} // namespace

class StoreRegistryTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(StoreRegistryTest);
    CPPUNIT_TEST(testTheConfiguredStoreIsMade);
    CPPUNIT_TEST(testChangingTheStoreIsOneChangedLine);
    CPPUNIT_TEST(testAMissingTypeSaysWhichKey);
    CPPUNIT_TEST(testAnUnknownTypeListsTheKnownOnes);
    CPPUNIT_TEST(testAMisspeltKeyIsRefusedWithTheNearestKnownKey);
    CPPUNIT_TEST(testAKeyOfAnUnregisteredStoreIsRefused);
    CPPUNIT_TEST(testAMisspeltPolicyKeyIsRefusedByBoth);
    CPPUNIT_TEST(testKeysOutsideLeaseholdAreNobodysBusiness);
    CPPUNIT_TEST(testOtherKindsOfConfigurationAreCheckedToo);
    CPPUNIT_TEST(testRegisteringTwiceIsRefused);
    CPPUNIT_TEST(testATypeMustBeAPlainWord);
    CPPUNIT_TEST(testACreatorThatMakesNothingIsAnError);
    CPPUNIT_TEST(testAServiceFromConfigurationAcceptsStoreAndPolicyKeysAndNoOthers);
    CPPUNIT_TEST(testEveryPolicyKeyIsRead);
    CPPUNIT_TEST(testWithoutKeysThePolicyIsTheDefault);
    CPPUNIT_TEST(testAPolicyThatCannotWorkIsRefused);
    CPPUNIT_TEST(testABackoffIsChosenByItsType);
    CPPUNIT_TEST(testABadBackoffIsRefused);
    CPPUNIT_TEST(testABackoffOfOnesOwnThatIsNoneIsRefused);
    CPPUNIT_TEST(testUrlsBecomeSettings);
    CPPUNIT_TEST(testAnUnknownKeyInAUrlIsRefused);
    CPPUNIT_TEST(testCredentialsInAUrlAreRefusedUnlessAllowed);
    CPPUNIT_TEST(testMalformedUrlsAreRefused);
    CPPUNIT_TEST(testRubbishUrlsAreRefusedWithoutACrash);
    CPPUNIT_TEST_SUITE_END();

    Poco::AutoPtr<Poco::Util::MapConfiguration> _map{new Poco::Util::MapConfiguration};
    StoreRegistry _registry;
    Settings _seen; // what the last creator was given

    void add(const std::string& type, const std::vector<std::string>& keys, const std::vector<std::string>& secrets = {})
    {
        _registry.add(type,
                      [this, type, keys, secrets](StoreSettings& settings) -> std::shared_ptr<LockStore>
                      {
                          _seen.clear();
                          for (const auto& key : keys)
                          {
                              if (const auto value = settings.optionalText(key))
                                  _seen[key] = *value;
                          }
                          for (const auto& key : secrets)
                          {
                              if (const auto value = settings.secret(key))
                                  _seen[key] = *value;
                          }
                          return std::make_shared<UntouchedStore>(type);
                      });
    }

    void set(const std::string& key, const std::string& value) { _map->setString("leasehold." + key, value); }
    std::string refusedBy(const std::string& url) const
    {
        return messageOf<LockConfigurationError>([&] { _registry.open(url); });
    }
    void opens(const std::string& url, const std::string& type, const Settings& expected)
    {
        CPPUNIT_ASSERT_EQUAL(type, _registry.open(url)->info().type);
        CPPUNIT_ASSERT_MESSAGE(url, _seen == expected);
    }

public:
    void setUp() override
    {
        add("memory", {});
        add("file", {"path", "durability"});
        add("web", {"url", "index", "user"}, {"password", "api_key"});
    }

    void testTheConfiguredStoreIsMade()
    {
        set("store.type", "file");
        set("store.file.path", "/x");
        CPPUNIT_ASSERT_EQUAL(std::string("file"), _registry.create(*_map)->info().type);
        CPPUNIT_ASSERT(_seen == (Settings{{"path", "/x"}}));
        CPPUNIT_ASSERT(_registry.types() == (std::vector<std::string>{"file", "memory", "web"}));
    }

    void testChangingTheStoreIsOneChangedLine()
    {
        set("store.file.path", "/x");
        set("store.web.url", "http://es:9200");
        for (const auto& type : _registry.types())
        {
            set("store.type", type);
            CPPUNIT_ASSERT_EQUAL(type, _registry.create(*_map)->info().type);
        }
    }

    void testAMissingTypeSaysWhichKey()
    {
        const auto message = messageOf<LockConfigurationError>([&] { _registry.create(*_map); });
        assertNames(message, {"leasehold.store.type is missing"});
        assertNames(message, {"file, memory, web"});
        assertNames(messageOf<LockConfigurationError>([&] { StoreRegistry().create(*_map); }), {"none is registered"});
    }

    void testAnUnknownTypeListsTheKnownOnes()
    {
        set("store.type", "fil");
        const auto message = messageOf<LockConfigurationError>([&] { _registry.create(*_map); });
        assertNames(message, {"leasehold.store.type = \"fil\""});
        assertNames(message, {"file, memory, web"});
    }

    void testAMisspeltKeyIsRefusedWithTheNearestKnownKey()
    {
        set("store.type", "file");
        set("store.file.durabilty", "a value");
        const auto message = messageOf<LockConfigurationError>([&] { _registry.create(*_map); });
        assertNames(message, {"leasehold.store.file.durabilty is not known"});
        assertNames(message, {"nearest known key is leasehold.store.file.durability;"});
        assertLacks(message, "a value");
    }

    void testAKeyOfAnUnregisteredStoreIsRefused()
    {
        set("store.type", "memory");
        set("store.nobody.path", "x");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.create(*_map); }), {"leasehold.store.nobody.path"});
    }

    void testAMisspeltPolicyKeyIsRefusedByBoth()
    {
        set("store.type", "memory");
        set("policy.lease.tll", "30s");
        for (const auto& message : {messageOf<LockConfigurationError>([&] { _registry.create(*_map); }),
                                    messageOf<LockConfigurationError>([&] { _registry.policy(*_map); })})
        {
            assertNames(message, {"leasehold.policy.lease.tll is not known"});
            assertNames(message, {"nearest known key is leasehold.policy.lease.ttl;"});
        }
    }

    void testKeysOutsideLeaseholdAreNobodysBusiness()
    {
        set("store.type", "memory");
        _map->setString("logging.level", "debug");
        _map->setString("leaseholder.name", "somebody");
        CPPUNIT_ASSERT(_registry.create(*_map));
        _registry.policy(*_map);
    }

    void testOtherKindsOfConfigurationAreCheckedToo()
    {
        std::istringstream json(
            R"({"leasehold": {"store": {"type": "file", "file": {"path": "/x"}}, "policy": {"lease": {"ttl": "20s"}}}})");
        Poco::AutoPtr<Poco::Util::JSONConfiguration> file(new Poco::Util::JSONConfiguration(json));
        Poco::AutoPtr<Poco::Util::LayeredConfiguration> layered(new Poco::Util::LayeredConfiguration);
        layered->addWriteable(_map, -1);
        layered->add(file);
        CPPUNIT_ASSERT_EQUAL(std::string("file"), _registry.create(*file)->info().type);
        CPPUNIT_ASSERT_EQUAL(std::string("file"), _registry.create(*layered)->info().type);
        CPPUNIT_ASSERT(_seen == (Settings{{"path", "/x"}}));
        CPPUNIT_ASSERT(_registry.policy(*layered).lease.ttl == std::chrono::seconds{20});
        set("store.file.pth", "/y");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.create(*layered); }), {"leasehold.store.file.pth is not known"});
    }

    void testRegisteringTwiceIsRefused()
    {
        assertNames(messageOf<LockConfigurationError>([&] { add("file", {}); }), {"\"file\" is registered already"});
        const auto creator = [](StoreSettings&) { return std::make_shared<const FixedBackoff>(Milliseconds{1}); };
        _registry.addBackoff("mine", creator);
        for (const char* taken : {"mine", "jittered", "fixed"})
            assertNames(messageOf<LockConfigurationError>([&] { _registry.addBackoff(taken, creator); }), {"registered already"});
    }

    void testATypeMustBeAPlainWord()
    {
        for (const char* wrong : {"", "File", "my-store", "a.b", "a b", "type"})
            assertNames(messageOf<LockConfigurationError>([&] { add(wrong, {}); }), {"a-z, 0-9 and _"});
        assertNames(messageOf<LockConfigurationError>([&] { _registry.add("empty", {}); }), {"without a creator"});
    }

    void testACreatorThatMakesNothingIsAnError()
    {
        _registry.add("nothing", [](StoreSettings&) { return std::shared_ptr<LockStore>(); });
        assertNames(refusedBy("nothing:"), {"made none"});
    }

    void testAServiceFromConfigurationAcceptsStoreAndPolicyKeysAndNoOthers()
    {
        set("store.type", "file");
        set("store.file.path", "/x");
        set("policy.lease.ttl", "20s");
        const auto locks = LockManagerService::fromConfiguration(*_map, _registry);
        CPPUNIT_ASSERT(locks.policy().lease.ttl == std::chrono::seconds{20});
        for (const char* wrong : {"store.file.pth", "policy.lease.tl", "polcy.lease.ttl", "store.typ", "ttl"})
        {
            set(wrong, "1s");
            assertNames(messageOf<LockConfigurationError>([&] { LockManagerService::fromConfiguration(*_map, _registry); }),
                        {std::string("leasehold.") + wrong});
            _map->remove(std::string("leasehold.") + wrong);
        }
    }

    void testEveryPolicyKeyIsRead()
    {
        set("policy.lease.ttl", "60s");
        set("policy.lease.renew_after", "10s");
        set("policy.lease.safety_margin", "4s");
        set("policy.lease.max_hold", "1h");
        set("policy.lease.call_timeout", "3s");
        set("policy.wait.limit", "forever");
        set("policy.wait.backoff.type", "fixed");
        set("policy.wait.backoff.delay", "70ms");
        set("policy.retry.max_attempts", "5");
        set("policy.retry.backoff.type", "fixed");
        set("policy.retry.backoff.delay", "30ms");
        set("policy.retention.retention", "2h");
        set("policy.retention.prune_every", "forever");
        const auto policy = _registry.policy(*_map);
        CPPUNIT_ASSERT(policy.lease.ttl == Milliseconds{60'000});
        CPPUNIT_ASSERT(policy.lease.renewAfter == Milliseconds{10'000});
        CPPUNIT_ASSERT(policy.lease.safetyMargin == Milliseconds{4'000});
        CPPUNIT_ASSERT(policy.lease.maxHold == Milliseconds{3'600'000});
        CPPUNIT_ASSERT(policy.lease.callTimeout == Milliseconds{3'000});
        CPPUNIT_ASSERT(policy.wait.limit == forever);
        CPPUNIT_ASSERT(policy.wait.backoff->delay(1, Milliseconds{0}) == Milliseconds{70});
        CPPUNIT_ASSERT_EQUAL(5, policy.retry.maxAttempts);
        CPPUNIT_ASSERT(policy.retry.backoff->delay(1, Milliseconds{0}) == Milliseconds{30});
        CPPUNIT_ASSERT(policy.retention.retention == Milliseconds{7'200'000});
        CPPUNIT_ASSERT(policy.retention.pruneEvery == forever);
    }

    void testWithoutKeysThePolicyIsTheDefault()
    {
        const auto policy = _registry.policy(*_map);
        const LockPolicy expected;
        CPPUNIT_ASSERT(policy.lease.ttl == expected.lease.ttl);
        CPPUNIT_ASSERT(!policy.lease.renewAfter && !policy.lease.safetyMargin && !policy.lease.maxHold && !policy.lease.callTimeout);
        CPPUNIT_ASSERT(policy.wait.limit == expected.wait.limit);
        CPPUNIT_ASSERT_EQUAL(expected.retry.maxAttempts, policy.retry.maxAttempts);
        CPPUNIT_ASSERT(policy.retention.retention == expected.retention.retention);
        CPPUNIT_ASSERT(policy.retention.pruneEvery == expected.retention.pruneEvery);
    }

    void testAPolicyThatCannotWorkIsRefused()
    {
        set("policy.lease.ttl", "1ms");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.lease.ttl"});
        set("policy.lease.ttl", "30s");
        set("policy.lease.renew_after", "29s");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.lease."});
        set("policy.lease.renew_after", "10s");
        set("policy.retry.max_attempts", "0");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.retry.max_attempts"});
    }

    void testABackoffIsChosenByItsType()
    {
        _registry.addBackoff("mine", [](StoreSettings& settings)
                             { return std::make_shared<const FixedBackoff>(settings.duration("pause", Milliseconds{7})); });
        set("policy.wait.backoff.type", "mine");
        set("policy.wait.backoff.pause", "9ms");
        CPPUNIT_ASSERT(_registry.policy(*_map).wait.backoff->delay(1, Milliseconds{0}) == Milliseconds{9});
    }

    void testABackoffOfOnesOwnThatIsNoneIsRefused()
    {
        const auto none = [](StoreSettings&) { return std::shared_ptr<const Backoff>(); };
        assertNames(messageOf<LockConfigurationError>([&] { _registry.addBackoff("My Own", none); }), {"allowed is a word"});
        assertNames(messageOf<LockConfigurationError>([&] { _registry.addBackoff("mine", nullptr); }), {"without a creator"});
        _registry.addBackoff("mine", none);
        set("policy.wait.backoff.type", "mine");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"the creator of the backoff \"mine\" made none"});
        set("policy.wait.backoff.type", "yours");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"one of: fixed, jittered, mine"});
    }

    void testABadBackoffIsRefused()
    {
        set("policy.retry.backoff.type", "none");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }),
                    {"leasehold.policy.retry.backoff.type = \"none\""});
        set("policy.retry.backoff.type", "jittered");
        set("policy.retry.backoff.most", "1ms");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.retry.backoff.most"});
        set("policy.retry.backoff.most", "1s");
        set("policy.retry.backoff.first", "0");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.retry.backoff.first"});
        set("policy.retry.backoff.first", "1ms");
        set("policy.retry.backoff.delay", "1ms"); // fixed's
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.retry.backoff.delay"});
    }

    void testUrlsBecomeSettings()
    {
        opens("memory:", "memory", {});
        opens("file:///var/lib/locks.db", "file", {{"path", "/var/lib/locks.db"}});
        opens("file:here.db?durability=normal", "file", {{"path", "here.db"}, {"durability", "normal"}});
        opens("file:///a%20b%2fc%3F%23", "file", {{"path", "/a b/c?#"}});
        opens("web+https://host:9200/locks", "web", {{"url", "https://host:9200"}, {"index", "locks"}});
        opens("web+http://host", "web", {{"url", "http://host"}});
        opens("web+http://a:1,b:2/", "web", {{"url", "http://a:1,http://b:2"}});
        opens("web+http://[::1]:9200/i", "web", {{"url", "http://[::1]:9200"}, {"index", "i"}});
    }

    void testAnUnknownKeyInAUrlIsRefused()
    {
        const auto message = refusedBy("file:///x?durabilty=full");
        assertNames(message, {"leasehold.store.file.durabilty"});
        assertNames(message, {"leasehold.store.file.durability"});
        assertNames(refusedBy("fill:///x"), {"file, memory, web"});
    }

    void testCredentialsInAUrlAreRefusedUnlessAllowed()
    {
        for (const char* url : {"web+https://me:hunter2@host/i", "web+https://me:hun?ter2@host/i", "web+https://host/i?password=hunter2",
                                "web+https://host/i?api_key=hunter2", "webb+https://me:hunter2@host", "me:hunter2@host"})
        {
            const auto message = refusedBy(url);
            assertLacks(message, "hunter2");
            assertLacks(message, "hun");
            assertNames(message, {"store"});
        }
        assertNames(refusedBy("web+https://me:x@host/i"), {"configuration file"});
        CPPUNIT_ASSERT(_registry.open("web+https://me:h%40x@host/i?api_key=k", UrlCredentials::allowed));
        CPPUNIT_ASSERT(_seen == (Settings{{"url", "https://host"}, {"index", "i"}, {"user", "me"}, {"password", "h@x"}, {"api_key", "k"}}));
    }

    void testMalformedUrlsAreRefused()
    {
        for (const char* url : {"",
                                ":",
                                "file",
                                "//x",
                                "File:///x",
                                "file://host/x",
                                "file:///",
                                "file:///a%2",
                                "file:///a%zz",
                                "file:///%00",
                                "file:///x#y",
                                "file:///x?durability",
                                "file:///x?path=/y",
                                "file:///x?Path=y",
                                "file:///x?durability=full&durability=full",
                                "web+:",
                                "web+https:host",
                                "web+https://",
                                "web+https:///i",
                                "web+https://a,,b/i",
                                "web+https://a b/i",
                                "web+https://host/i/j",
                                "+https://host",
                                "memory:x"})
            assertLacks(refusedBy(url), "nothing was refused");
        const auto message = refusedBy("nothing:///" + std::string(5000, 'x')); // one that is long is not shown whole
        assertLacks(message, "nothing was refused");
        assertLacks(message, std::string(201, 'x'));
    }

    void testRubbishUrlsAreRefusedWithoutACrash()
    {
        std::mt19937 random(4711);
        const std::string characters = "afilewbmory+:/?&=%@#,[]0129$" + std::string{'{', '}', '\xc3', '\0', ' '};
        const std::vector<std::string> starts = {"",         "file:",          "file:///", "web+https://", "web+https://a:b@",
                                                 "memory:?", "file:///x?path="};
        int refused = 0;
        for (int i = 0; i < 5000; ++i)
        {
            std::string url = starts[random() % starts.size()];
            for (auto length = random() % 20; length > 0; --length)
                url += characters[random() % characters.size()];
            try
            {
                _registry.open(url, UrlCredentials::allowed);
            }
            catch (const LockConfigurationError& error)
            {
                ++refused;
                CPPUNIT_ASSERT(std::string(error.what()).size() < 1000);
            }
        }
        CPPUNIT_ASSERT(refused > 2500);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StoreRegistryTest);
