#include "EtcdFixture.h"
#include "EtcdUsers.h"
#include "TestCertificates.h"
#include "base64.h"

#include "Leasehold/ChildProcess.h"
#include "Leasehold/Exceptions.h"

#include <Poco/TemporaryFile.h>

#include <cppunit/extensions/HelperMacros.h>

#include <future>
#include <map>

namespace Leasehold
{

using namespace std::chrono_literals;

namespace
{

/// A server with users, for the prefix "locks".
class GuardedEtcd : public EtcdServer
{
public:
    GuardedEtcd(EtcdKind kind, EtcdSetup setup) : EtcdServer(kind, std::move(setup)) { EtcdUsers::switchOn(*this, "locks/"); }
};

/// Keys for tokens that etcd signs.
std::string signingArguments(const std::string& folder)
{
    for (const auto& command :
         std::vector<std::vector<std::string>>{{"openssl", "genrsa", "-out", folder + "/jwt.key", "2048"},
                                               {"openssl", "rsa", "-in", folder + "/jwt.key", "-pubout", "-out", folder + "/jwt.pub"},
                                               {"chmod", "-R", "a+rX", folder}})
    {
        ChildProcess program(command, {.readsInput = false, .writesToPipe = true, .errorFile = "/dev/null"});
        program.hearAll();
        CPPUNIT_ASSERT_EQUAL(0, program.wait());
    }
    return "jwt,pub-key=" + folder + "/jwt.pub,priv-key=" + folder + "/jwt.key,sign-method=RS256,ttl=2s";
}

} // namespace

/// Users and roles, on both versions.
class EtcdUsersTest : public EtcdFixture
{
    CPPUNIT_TEST_SUITE(EtcdUsersTest);
    CPPUNIT_TEST(testDocumentedRightsAreEnough);
    CPPUNIT_TEST(testLeasesOfAUserCarryFewLocks);
    CPPUNIT_TEST(testTokenThatEndedIsRenewedOnce);
    CPPUNIT_TEST(testHundredThreadsLogInOnceWhenTheTokenEnds);
    CPPUNIT_TEST(testRestartLosesTokensButNoLocks);
    CPPUNIT_TEST(testSignedTokenThatEndedIsRenewed);
    CPPUNIT_TEST(testRefusedUsersAreToldWhy);
    CPPUNIT_TEST(testFeedOfAUserHears);
    CPPUNIT_TEST(testUserIsServedWhereAuthenticationIsOff);
    CPPUNIT_TEST(testAuthenticationSwitchedOnWhileInUseIsTold);
    CPPUNIT_TEST_SUITE_END();

    EtcdServer& server() const override { return guarded(EtcdKind::etcd34); }

    static GuardedEtcd& guarded(EtcdKind kind)
    {
        static std::map<EtcdKind, std::unique_ptr<GuardedEtcd>> servers;
        auto& server = servers[kind];
        if (!server)
            server = std::make_unique<GuardedEtcd>(kind, EtcdSetup{});
        return *server;
    }

    static EtcdOptions userOf(const EtcdServer& server)
    {
        EtcdOptions options;
        options.nodes = {server.url()};
        options.prefix = "locks";
        options.user = EtcdUsers::worker;
        options.password = EtcdUsers::password;
        return options;
    }

public:
    void testDocumentedRightsAreEnough()
    {
        for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
        {
            auto store = open(userOf(guarded(kind)));
            const auto lease = grant(*store, "rights");
            CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
            CPPUNIT_ASSERT(store->find("rights", context()));
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({.prefix = "rights"}, context()).size());
            CPPUNIT_ASSERT(store->breakLock("rights", lease.fence, BreakMode::now, context()));
            CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(1h, context()));
            CPPUNIT_ASSERT(!store->engine(context()).empty());
        }
    }

    void testLeasesOfAUserCarryFewLocks()
    {
        auto options = userOf(server());
        options.maxTxnOps = 2000;
        auto store = open(options);
        std::vector<RenewRequest> requests;
        for (int i = 0; i < 300; ++i)
            requests.push_back({grant(*store, "few " + std::to_string(i)), 9min});
        const auto before = calls("LeaseGrant");
        for (const auto& reply : store->renew(requests, context()))
            CPPUNIT_ASSERT(reply.status == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(3.0, calls("LeaseGrant") - before);
    }

    void testTokenThatEndedIsRenewedOnce()
    {
        for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
        {
            const GuardedEtcd forgetful(kind, {.arguments = {"--auth-token-ttl", "2"}, .logLevel = "debug"});
            auto store = open(userOf(forgetful));
            const auto lease = grant(*store, "expiring");
            until("the token has ended", [&] { return forgetful.logContains("deleted a simple token"); });
            CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
            CPPUNIT_ASSERT_EQUAL(2.0, calls(forgetful, "Authenticate"));
        }
    }

    void testHundredThreadsLogInOnceWhenTheTokenEnds()
    {
        for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
        {
            const auto& server = guarded(kind);
            auto store = open(userOf(server));
            grant(*store, "hundred");
            EtcdUsers::endTokens(server);
            const auto before = calls(server, "Authenticate");
            std::vector<std::future<LeaseRef>> grants;
            for (int i = 0; i < 100; ++i)
                grants.push_back(std::async(std::launch::async, [&, i] { return grant(*store, "hundred " + std::to_string(i)); }));
            for (auto& one : grants)
                one.get();
            CPPUNIT_ASSERT_EQUAL(1.0, calls(server, "Authenticate") - before);
        }
    }

    void testRestartLosesTokensButNoLocks()
    {
        auto store = open(userOf(server()));
        const auto lease = grant(*store, "restarted");
        server().restart();
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
    }

    void testSignedTokenThatEndedIsRenewed()
    {
        Poco::TemporaryFile folder;
        folder.createDirectories();
        const GuardedEtcd signing(EtcdKind::etcd35, {.arguments = {"--auth-token", signingArguments(folder.path())}});
        auto store = open(userOf(signing));
        const auto lease = grant(*store, "signed");
        const auto token = EtcdUsers::logInAsWorker(signing); // younger than that of the store
        const auto read = R"({"key":")" + Etcd::base64("locks/v") + "\"}";
        until("the token has ended", [&] { return signing.ask("POST", "/v3/kv/range", read, 10s, token).status == 401; });
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        EtcdUsers::endTokens(signing);
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
    }

    void testRefusedUsersAreToldWhy()
    {
        for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
        {
            const auto require = [](const EtcdOptions& options, const std::string& text)
            {
                EtcdLockStore store(options);
                const auto message = error([&] { store.prepare(context()); });
                CPPUNIT_ASSERT_MESSAGE(message, message.find(text) != std::string::npos);
                CPPUNIT_ASSERT_MESSAGE(message, message.find("hunter2") == std::string::npos);
            };
            auto options = userOf(guarded(kind));
            options.password = "hunter2";
            require(options, "check user and password");
            options.user = options.password = "";
            require(options, "leasehold.store.etcd.password");
            options = userOf(guarded(kind));
            options.prefix = "elsewhere";
            require(options, "READWRITE");
        }
    }

    void testFeedOfAUserHears()
    {
        for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
        {
            auto store = open(userOf(guarded(kind)));
            const auto lease = grant(*store, "fed");
            EtcdUsers::endTokens(guarded(kind));
            FeedEvents sink;
            const auto feed = store->releaseFeed(sink);
            feed->watch("fed");
            until("the watch is confirmed", [&] { return sink.confirmed > 0; });
            CPPUNIT_ASSERT(store->breakLock("fed", lease.fence, BreakMode::now, context()));
            until("the break is told", [&] { return sink.freed > 0; });
        }
    }

    void testUserIsServedWhereAuthenticationIsOff()
    {
        for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
        {
            auto options = userOf(sharedEtcd(kind));
            grant(*open(options), "off");
        }
    }

    void testAuthenticationSwitchedOnWhileInUseIsTold()
    {
        for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
        {
            const EtcdServer server(kind);
            const auto known = open(userOf(server));
            auto options = userOf(server);
            options.user = options.password = "";
            const auto nameless = open(options);
            const auto lease = grant(*nameless, "nameless"), other = grant(*known, "known");
            EtcdUsers::switchOn(server, "locks/");
            for (const auto& verb :
                 std::vector<std::function<void()>>{[&] { acquire(*nameless, "b", "token"); }, [&] { renew(*nameless, lease); },
                                                    [&] { nameless->release(lease, context()); },
                                                    [&] { nameless->find("nameless", context()); }, [&] { nameless->list({}, context()); },
                                                    [&] { nameless->prune(1h, context()); }})
            {
                const auto message = error(verb);
                assertSays(message, "leasehold.store.etcd.user");
                assertSays(message, "leasehold.store.etcd.password");
            }
            CPPUNIT_ASSERT(renew(*known, other).status == RenewStatus::renewed);
            CPPUNIT_ASSERT_EQUAL(std::size_t{2}, known->list({}, context()).size());
        }
    }
};

/// TLS, where the server asks for a client certificate.
class EtcdTlsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EtcdTlsTest);
    CPPUNIT_TEST(testClientCertificateIsShown);
    CPPUNIT_TEST_SUITE_END();

public:
    void testClientCertificateIsShown()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const EtcdServer server(EtcdKind::etcd34,
                                {.arguments = {"--trusted-ca-file", certificates.caFile(), "--client-cert-auth"},
                                 .tls = {certificates.caFile(), certificates.clientCertificateFile(), certificates.clientKeyFile()},
                                 .serverCertificate = certificates.certificateFile(),
                                 .serverKey = certificates.keyFile()});
        EtcdOptions options;
        options.nodes = {server.url()};
        options.caFile = certificates.caFile();
        EtcdLockStore stranger(options);
        CPPUNIT_ASSERT_THROW(stranger.prepare(CallContext::within(5s)), LockStoreError);
        options.clientCertificateFile = certificates.clientCertificateFile();
        options.clientKeyFile = certificates.clientKeyFile();
        EtcdLockStore store(options);
        const auto context = CallContext::within(20s);
        store.prepare(context);
        CPPUNIT_ASSERT(store.acquire({"a", "t", 10s}, context).status == AcquireStatus::granted);
        const TestCertificates others("IP:127.0.0.1");
        options.caFile = others.caFile();
        EtcdLockStore distrustful(options);
        CPPUNIT_ASSERT_THROW(distrustful.prepare(CallContext::within(5s)), LockStoreError);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EtcdUsersTest);
CPPUNIT_TEST_SUITE_REGISTRATION(EtcdTlsTest);

} // namespace Leasehold
