#include "Leasehold/Store/StoreRegistry.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/Store/StoreSettings.h"
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

// Has only its settings, because these tests must not use a storage.
class UntouchedStore : public LockStore
{
public:
    explicit UntouchedStore(std::string type) : _type(std::move(type)) {}

    StoreInfo info() const override { return {.type = _type, .maxTtl = LeasePolicy::maxTtl}; }
    void prepare(const CallContext&) override { touched(); }
    AcquireReply acquire(const AcquireRequest&, const CallContext&) override { touched(); }
    std::vector<RenewReply> renew(std::span<const RenewRequest>, const CallContext&) override { touched(); }
    ReleaseReply release(const LeaseRef&, const CallContext&) override { touched(); }
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
    CPPUNIT_TEST(testConfiguredStoreIsMade);
    CPPUNIT_TEST(testChangingTheStoreIsOneChangedLine);
    CPPUNIT_TEST(testMissingTypeSaysWhichKey);
    CPPUNIT_TEST(testUnknownTypeListsTheKnownOnes);
    CPPUNIT_TEST(testMisspeltKeyIsRefusedWithTheNearestKnownKey);
    CPPUNIT_TEST(testKeyOfAnUnregisteredStoreIsRefused);
    CPPUNIT_TEST(testMisspeltPolicyKeyIsRefusedByBoth);
    CPPUNIT_TEST(testKeysOutsideLeaseholdAreNobodysBusiness);
    CPPUNIT_TEST(testOtherKindsOfConfigurationAreCheckedToo);
    CPPUNIT_TEST(testRegisteringTwiceIsRefused);
    CPPUNIT_TEST(testTypeMustBeAPlainWord);
    CPPUNIT_TEST(testCreatorThatMakesNothingIsAnError);
    CPPUNIT_TEST(testServiceFromConfigurationAcceptsStoreAndPolicyKeysAndNoOthers);
    CPPUNIT_TEST(testEveryPolicyKeyIsRead);
    CPPUNIT_TEST(testWithoutKeysThePolicyIsTheDefault);
    CPPUNIT_TEST(testPolicyThatCannotWorkIsRefused);
    CPPUNIT_TEST(testBackoffIsChosenByItsType);
    CPPUNIT_TEST(testBadBackoffIsRefused);
    CPPUNIT_TEST(testBackoffOfOnesOwnThatIsNoneIsRefused);
    CPPUNIT_TEST(testUrlsBecomeSettings);
    CPPUNIT_TEST(testEachSchemeOfAStoreHasItsForm);
    CPPUNIT_TEST(testSchemeIsRegisteredOnceAndWellFormed);
    CPPUNIT_TEST(testRenamedPolicyKeyIsRefusedWithItsNewName);
    CPPUNIT_TEST(testUnknownKeyInAUrlIsRefused);
    CPPUNIT_TEST(testCredentialsInAUrlAreRefusedUnlessAllowed);
    CPPUNIT_TEST(testPasswordThatIsNotEscapedNeverShows);
    CPPUNIT_TEST(testUrlWithoutCredentialsIsShownInItsRefusal);
    CPPUNIT_TEST(testMalformedUrlsAreRefused);
    CPPUNIT_TEST(testRubbishUrlsAreRefusedWithoutACrash);
    CPPUNIT_TEST_SUITE_END();

    Poco::AutoPtr<Poco::Util::MapConfiguration> _map{new Poco::Util::MapConfiguration};
    StoreRegistry _registry;
    Settings _seen; // the settings of the last creator

    StoreRegistry::Creator creatorOf(const std::string& type, const std::vector<std::string>& keys, const std::vector<std::string>& secrets)
    {
        return [this, type, keys, secrets](StoreSettings& settings) -> std::shared_ptr<LockStore>
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
        };
    }

    void add(const std::string& type, const std::vector<std::string>& keys) { _registry.add(type, creatorOf(type, keys, {})); }

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
        _registry.add("web", creatorOf("web", {"url", "index", "user"}, {"password", "api_key"}),
                      {{.scheme = "web+http", .hosts = "url", .hostPrefix = "http://", .path = "index"},
                       {.scheme = "web+https", .hosts = "url", .hostPrefix = "https://", .path = "index"}});
        _registry.add("cache", creatorOf("cache", {"hosts", "tls", "database", "group", "socket", "user"}, {"password"}),
                      {{.scheme = "cache", .hosts = "hosts", .path = "database"},
                       {.scheme = "caches+group", .hosts = "hosts", .path = "group", .settings = {{"tls", "true"}}},
                       {.scheme = "cache+lone", .hosts = "hosts"},
                       {.scheme = "cache+unix", .path = "socket"}});
    }

    void testConfiguredStoreIsMade()
    {
        set("store.type", "file");
        set("store.file.path", "/x");
        CPPUNIT_ASSERT_EQUAL(std::string("file"), _registry.create(*_map)->info().type);
        CPPUNIT_ASSERT(_seen == (Settings{{"path", "/x"}}));
        CPPUNIT_ASSERT(_registry.types() == (std::vector<std::string>{"cache", "file", "memory", "web"}));
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

    void testMissingTypeSaysWhichKey()
    {
        const auto message = messageOf<LockConfigurationError>([&] { _registry.create(*_map); });
        assertNames(message, {"leasehold.store.type is missing"});
        assertNames(message, {"cache, file, memory, web"});
        assertNames(messageOf<LockConfigurationError>([&] { StoreRegistry().create(*_map); }), {"none is registered"});
    }

    void testUnknownTypeListsTheKnownOnes()
    {
        set("store.type", "fil");
        const auto message = messageOf<LockConfigurationError>([&] { _registry.create(*_map); });
        assertNames(message, {"leasehold.store.type = \"fil\""});
        assertNames(message, {"cache, file, memory, web"});
    }

    void testMisspeltKeyIsRefusedWithTheNearestKnownKey()
    {
        set("store.type", "file");
        set("store.file.durabilty", "a value");
        const auto message = messageOf<LockConfigurationError>([&] { _registry.create(*_map); });
        assertNames(message, {"leasehold.store.file.durabilty is not known"});
        assertNames(message, {"nearest known key is leasehold.store.file.durability;"});
        assertLacks(message, "a value");
    }

    void testKeyOfAnUnregisteredStoreIsRefused()
    {
        set("store.type", "memory");
        set("store.nobody.path", "x");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.create(*_map); }), {"leasehold.store.nobody.path"});
    }

    void testMisspeltPolicyKeyIsRefusedByBoth()
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

    void testTypeMustBeAPlainWord()
    {
        for (const char* wrong : {"", "File", "my-store", "a.b", "a b", "type"})
            assertNames(messageOf<LockConfigurationError>([&] { add(wrong, {}); }), {"a-z, 0-9 and _"});
        assertNames(messageOf<LockConfigurationError>([&] { _registry.add("empty", {}); }), {"without a creator"});
    }

    void testCreatorThatMakesNothingIsAnError()
    {
        _registry.add("nothing", [](StoreSettings&) { return std::shared_ptr<LockStore>(); });
        assertNames(refusedBy("nothing:"), {"made none"});
    }

    void testServiceFromConfigurationAcceptsStoreAndPolicyKeysAndNoOthers()
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
        set("policy.retention.keep_for", "2h");
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

    void testPolicyThatCannotWorkIsRefused()
    {
        set("policy.lease.ttl", "1ms");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.lease.ttl"});
        set("policy.lease.ttl", "30s");
        set("policy.lease.renew_after", "29s");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.lease."});
        set("policy.lease.renew_after", "10s");
        set("policy.retry.max_attempts", "1001");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.retry.max_attempts"});
    }

    void testBackoffIsChosenByItsType()
    {
        _registry.addBackoff("mine", [](StoreSettings& settings)
                             { return std::make_shared<const FixedBackoff>(settings.duration("pause", Milliseconds{7})); });
        set("policy.wait.backoff.type", "mine");
        set("policy.wait.backoff.pause", "9ms");
        CPPUNIT_ASSERT(_registry.policy(*_map).wait.backoff->delay(1, Milliseconds{0}) == Milliseconds{9});
    }

    void testBackoffOfOnesOwnThatIsNoneIsRefused()
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

    void testBadBackoffIsRefused()
    {
        set("policy.retry.backoff.type", "none");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }),
                    {"leasehold.policy.retry.backoff.type = \"none\""});
        set("policy.retry.backoff.type", "jittered");
        set("policy.retry.backoff.maximum", "1ms");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.retry.backoff.maximum"});
        set("policy.retry.backoff.maximum", "1s");
        set("policy.retry.backoff.initial", "0");
        assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }), {"leasehold.policy.retry.backoff.initial"});
        set("policy.retry.backoff.initial", "1ms");
        set("policy.retry.backoff.delay", "1ms"); // a key of the fixed back-off
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
        opens("web+https:///i", "web", {{"index", "i"}}); // the store's own key has the location
    }

    void testEachSchemeOfAStoreHasItsForm()
    {
        opens("cache://h:6379/0", "cache", {{"hosts", "h:6379"}, {"database", "0"}});
        opens("caches+group://a,b:1,c/name", "cache", {{"hosts", "a,b:1,c"}, {"group", "name"}, {"tls", "true"}});
        opens("cache+unix:///run/cache.sock", "cache", {{"socket", "/run/cache.sock"}});
        CPPUNIT_ASSERT(_registry.open("cache://:secret@h", UrlCredentials::allowed));
        CPPUNIT_ASSERT(_seen == (Settings{{"hosts", "h"}, {"password", "secret"}})); // a password without a user
        assertNames(refusedBy("caches+group://a/n?tls=false"), {"the key tls twice"});
        assertNames(refusedBy("caches://a"), {"\"caches\"", "cache+unix:///SOCKET", "caches+group://HOST:PORT/GROUP"});
        CPPUNIT_ASSERT_EQUAL(std::string("cache://HOST:PORT/DATABASE"), _registry.urls().at("cache"));
    }

    void testSchemeIsRegisteredOnceAndWellFormed()
    {
        const auto creator = creatorOf("other", {}, {});
        const auto refusal = [&](const std::string& scheme) {
            return messageOf<LockConfigurationError>([&] { _registry.add("other", creator, {{.scheme = "other"}, {.scheme = scheme}}); });
        };
        assertNames(refusal("cache+unix"), {"\"cache+unix\"", "registered already"});
        for (const char* wrong : {"", "+", "a+", "+a", "a++b", "A", "a-b", "a:"})
            assertNames(refusal(wrong), {"a-z, 0-9 and _"});
        CPPUNIT_ASSERT(!_registry.urls().contains("other")); // a refused registration leaves nothing behind
    }

    void testRenamedPolicyKeyIsRefusedWithItsNewName()
    {
        for (const auto& [old, present] : std::map<std::string, std::string>{{"wait.backoff.first", "wait.backoff.initial"},
                                                                             {"wait.backoff.most", "wait.backoff.maximum"},
                                                                             {"retry.backoff.first", "retry.backoff.initial"},
                                                                             {"retry.backoff.most", "retry.backoff.maximum"},
                                                                             {"retention.retention", "retention.keep_for"}})
        {
            set("policy." + old, "1s");
            assertNames(messageOf<LockConfigurationError>([&] { _registry.policy(*_map); }),
                        {"leasehold.policy." + old + " has a new name: write leasehold.policy." + present});
            _map->remove("leasehold.policy." + old);
        }
    }

    void testUnknownKeyInAUrlIsRefused()
    {
        const auto message = refusedBy("file:///x?durabilty=full");
        assertNames(message, {"leasehold.store.file.durabilty"});
        assertNames(message, {"leasehold.store.file.durability"});
        assertNames(refusedBy("fill:///x"), {"\"fill\"", "file:///PATH", "memory:", "web+https://HOST:PORT/INDEX"});
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
        assertNames(refusedBy("web+https://me:@host/i"), {"configuration file"});
        opens("web+https://me@host/i", "web", {{"url", "https://host"}, {"index", "i"}, {"user", "me"}}); // a user is no secret
        CPPUNIT_ASSERT(_registry.open("web+https://me:h%40x@host/i?api_key=k", UrlCredentials::allowed));
        CPPUNIT_ASSERT(_seen == (Settings{{"url", "https://host"}, {"index", "i"}, {"user", "me"}, {"password", "h@x"}, {"api_key", "k"}}));
    }

    /// Also when the URL is malformed, and whether or not credentials are allowed.
    void testPasswordThatIsNotEscapedNeverShows()
    {
        for (const char* url : {"web+https://me:ab/hunter2@host",
                                "web+https://me:ab/hunter2@host/i",
                                "web+https://me:hun/ter2@host/hunter2",
                                "web+https://me:hunter2/ab@host",
                                "web+https://me:ab@hunter2@host?x=y",
                                "web+https://me:12/hunter2@host",
                                "web+https://me:12?index=hunter2@host",
                                "web+https://me:ab?hunter2=c@host",
                                "web+https://me:ab#hunter2@host",
                                "web+https://me:hunter2#ab@host",
                                "web+https://me:hunter2%zz@host",
                                "web+https://me:hunter2%@host",
                                "web+https://me:ab,hunter2@host",
                                "web+https://a,me:hunter2/x@host",
                                "web+https://me:hunter2",
                                "web+https://me:hunter2#x",
                                "web+https:me:hunter2@host",
                                "web://me:hunter2@host",
                                "web:me:hunter2@host",
                                "webb+https://me:ab/hunter2@host",
                                "webb+https://me:hunter2",
                                "webb://me:hunter2/x",
                                "me:hunter2",
                                "https://me:ab/hunter2@host",
                                "https://me:hunter2",
                                "file://me:hunter2@host/x",
                                "WEB+https://me:hunter2@h",
                                "web+HTTPS://me:ab/hunter2@host",
                                "web+https://host/i?password=hunter2&password=hunter2"})
        {
            for (const auto credentials : {UrlCredentials::refused, UrlCredentials::allowed})
            {
                std::string message;
                try
                {
                    _registry.open(url, credentials);
                }
                catch (const LockConfigurationError& error)
                {
                    message = error.what();
                }
                CPPUNIT_ASSERT_MESSAGE(message, message.find("hunter2") == std::string::npos);
                CPPUNIT_ASSERT_MESSAGE(message, message.find("ter2") == std::string::npos);
            }
        }
        assertNames(refusedBy("web+https://me:ab/hunter2@host"), {"\"web+https:...\"", "an @ behind its hosts", "%2F for /"});
    }

    void testUrlWithoutCredentialsIsShownInItsRefusal()
    {
        assertNames(refusedBy("web+https://host:9200/i%zz"), {"\"web+https://host:9200/i%zz\""});
        assertNames(refusedBy("web+https://[::1]:9200,b:1/i%zz"), {"\"web+https://[::1]:9200,b:1/i%zz\""});
        assertNames(refusedBy("fill:///srv/x"), {"\"fill:///srv/x\""});
        assertNames(refusedBy("web+https://a:9200,b:what/i%zz"), {"\"web+https://a:9200,b:...\""});
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
                                "web+https://,/i",
                                "web+https://me@/i",
                                "web+https://a,,b/i",
                                "web+https://a b/i",
                                "+https://host",
                                "memory:x",
                                "cache+lone://host/x",
                                "cache+unix://host/x",
                                "cache:x"})
            assertLacks(refusedBy(url), "nothing was refused");
        const auto message = refusedBy("nothing:///" + std::string(5000, 'x')); // a message shows only a part of a long URL
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
