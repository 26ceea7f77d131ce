#include "RedisFixture.h"

#include "Leasehold/Store/ReleaseFeed.h"
#include "TestCertificates.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

using namespace std::chrono_literals;

/// Users, passwords and certificates.
class RedisSecurityTest : public RedisFixture
{
    CPPUNIT_TEST_SUITE(RedisSecurityTest);
    CPPUNIT_TEST(testDocumentedRightsAreEnough);
    CPPUNIT_TEST(testEveryMissingRightIsNamed);
    CPPUNIT_TEST(testRightTakenLaterIsAnError);
    CPPUNIT_TEST(testMissingPasswordIsTold);
    CPPUNIT_TEST(testWrongPasswordIsToldAndNotShown);
    CPPUNIT_TEST(testPasswordOfTheDefaultUserIsUsed);
    CPPUNIT_TEST(testTlsWithATrustedCaIsUsed);
    CPPUNIT_TEST(testTlsServerWithAnUnknownCaIsRefused);
    CPPUNIT_TEST(testTlsServerWithAnotherNameIsRefused);
    CPPUNIT_TEST(testPlainServerIsNotUsedForTls);
    CPPUNIT_TEST(testClientCertificateIsSent);
    CPPUNIT_TEST_SUITE_END();

    RedisOptions user(const std::vector<std::string>& changes = {})
    {
        addWorker(server(), changes);
        return {.nodes = {server().node()}, .user = "worker", .password = "hunter2", .pauseAfterStart = {}};
    }

    static void assertNoSecret(const std::string& message)
    {
        CPPUNIT_ASSERT_MESSAGE(message, message.find("hunter2") == std::string::npos && message.find("token") == std::string::npos);
    }

    RedisOptions tls(const TestCertificates& certificates, bool asksForClients = false)
    {
        RedisServerOptions options{.certificates = &certificates};
        if (asksForClients)
            options.arguments = {"--tls-auth-clients", "yes"};
        server(std::move(options));
        return {.nodes = {server().node()}, .tls = true, .caFile = certificates.caFile(), .pauseAfterStart = {}};
    }

    struct Silent : ReleaseSink
    {
        void watching(const std::string&) override { confirmed = true; }
        void mayBeFree(const std::string&) override { free = true; }
        void lost(std::span<const LeaseRef>) override {}
        void deaf(const std::string&) override {}
        std::atomic<bool> confirmed{false}, free{false};
    };

public:
    void testDocumentedRightsAreEnough()
    {
        auto options = user();
        options.replicas = 0;
        const auto store = open(options), other = open(options);
        Silent sink;
        const auto feed = other->releaseFeed(sink);
        feed->watch("a");
        until("the watch is confirmed", [&] { return sink.confirmed.load(); });
        const auto lease = grant(*store, "a");
        const auto held = other->acquire({.name = "a", .token = "other", .ttl = longTtl, .wantedFor = 1min}, context());
        CPPUNIT_ASSERT(held.status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->find("a", context()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({}, context()).size());
        CPPUNIT_ASSERT(store->release(lease, context()).wanted);
        until("the release is told", [&] { return sink.free.load(); });
        feed->unwatch("a");
        CPPUNIT_ASSERT(store->breakLock("b", grant(*store, "b").fence, BreakMode::now, context()));
        until("the records are old enough", [&] { return store->prune(1ms, context()) > 0; });
        options.replicas = 1; // there is none, but the user may wait for it
        assertSays(unavailability([&] { acquire(*open(options), "c", "t"); }), "only 0 of 1 replicas confirmed");
        options.replicas = 0;
        options.durable = true; // the user may not read the settings of the server, so nobody contradicts
        CPPUNIT_ASSERT(open(options)->info().durable);
    }

    void testEveryMissingRightIsNamed()
    {
        const std::pair<const char*, const char*> rights[] = {
            {"-hset", "HSET"},
            {"-hmget", "HMGET"},
            {"-zadd", "ZADD"},
            {"-zrem", "ZREM"},
            {"-zscore", "ZSCORE"},
            {"-zrange", "ZRANGE"},
            {"-zrangebylex", "ZRANGEBYLEX"},
            {"-del", "DEL"},
            {"-time", "TIME"},
            {"-wait", "WAIT"},
            {"-evalsha", "EVALSHA"},
            {"-script|load", "SCRIPT LOAD"},
            {"-info", "INFO"},
            {"-hget", "HGET"},
        };
        for (const auto& [change, named] : rights)
        {
            auto options = user({change});
            options.replicas = 1;
            std::string message = "nothing was refused";
            try
            {
                open(options);
            }
            catch (const LockStoreError& problem)
            {
                message = problem.message();
            }
            CPPUNIT_ASSERT_MESSAGE(std::string(change) + ": " + message, message.find(named) != std::string::npos);
            assertNoSecret(message);
        }
    }

    void testRightTakenLaterIsAnError()
    {
        const auto store = open(user());
        const auto lease = grant(*store, "a", longTtl, "secrettoken");
        user({"-hset"});
        const auto message = error([&] { acquire(*store, "b", "secrettoken"); });
        assertSays(message, "operating.md of the Redis store lists the rights");
        assertNoSecret(message);
        assertNoSecret(error([&] { renew(*store, lease); }));
        user();
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
    }

    void testMissingPasswordIsTold()
    {
        server().operate({"ACL", "SETUSER", "operator", "on", "nopass", "~*", "+@all"});
        server().operate({"CONFIG", "SET", "requirepass", "hunter2"});
        assertSays(error([&] { open(); }), "set the keys user and password");
    }

    void testWrongPasswordIsToldAndNotShown()
    {
        auto options = user();
        options.password = "hunter2wrong";
        const auto message = error([&] { open(options); });
        assertSays(message, "refuses HELLO: it refuses the user or the password");
        assertNoSecret(message);
    }

    void testPasswordOfTheDefaultUserIsUsed()
    {
        server().operate({"CONFIG", "SET", "requirepass", "hunter2"});
        grant(*open({.nodes = {server().node()}, .password = "hunter2", .pauseAfterStart = {}}), "a");
    }

    void testTlsWithATrustedCaIsUsed()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const auto store = open(tls(certificates));
        store->release(grant(*store, "a"), context());
    }

    void testTlsServerWithAnUnknownCaIsRefused()
    {
        const TestCertificates certificates("IP:127.0.0.1"), others("IP:127.0.0.1");
        auto options = tls(certificates);
        options.caFile = others.caFile();
        assertSays(error([&] { open(options); }), "certificate");
    }

    void testTlsServerWithAnotherNameIsRefused()
    {
        const TestCertificates certificates("DNS:elsewhere");
        assertSays(error([&] { open(tls(certificates)); }), "certificate");
    }

    void testPlainServerIsNotUsedForTls()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        auto options = RedisOptions{.nodes = {server().node()}, .tls = true, .caFile = certificates.caFile(), .pauseAfterStart = {}};
        CPPUNIT_ASSERT_THROW(openUnprepared(options)->prepare(CallContext::within(1s)), LockStoreError);
    }

    void testClientCertificateIsSent()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        auto options = tls(certificates, true);
        CPPUNIT_ASSERT_THROW(open(options), LockStoreError);
        options.clientCertificateFile = certificates.clientCertificateFile();
        options.clientKeyFile = certificates.clientKeyFile();
        grant(*open(options), "a");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisSecurityTest);

} // namespace Leasehold
