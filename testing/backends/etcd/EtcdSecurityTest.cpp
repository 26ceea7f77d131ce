#include "EtcdFixture.h"
#include "TestCertificates.h"
#include "base64.h"
#include "txnText.h"

#include "Leasehold/ChildProcess.h"
#include "Leasehold/Exceptions.h"

#include <Poco/TemporaryFile.h>

#include <cppunit/extensions/HelperMacros.h>

#include <future>
#include <map>
#include <thread>

namespace Leasehold
{

using namespace std::chrono_literals;

namespace
{

constexpr const char* worker = "worker";
constexpr const char* password = "pass\"word\\1";

/// A server with the user "worker", who has the rights that the README names, for the prefix "locks".
class GuardedEtcd : public EtcdServer
{
public:
    GuardedEtcd(EtcdKind kind, EtcdSetup setup) : EtcdServer(kind, std::move(setup))
    {
        post("/v3/auth/user/add", R"({"name":"root","password":"root"})");
        post("/v3/auth/role/add", R"({"name":"root"})");
        post("/v3/auth/user/grant", R"({"user":"root","role":"root"})");
        post("/v3/auth/user/add", R"({"name":"worker","password":"pass\"word\\1"})");
        post("/v3/auth/role/add", R"({"name":"locks"})");
        post("/v3/auth/role/grant", R"({"name":"locks","perm":{"permType":"READWRITE","key":")" + Etcd::base64("locks/") +
                                        R"(","range_end":")" + Etcd::base64(Etcd::endOfPrefix("locks/")) + R"("}})");
        post("/v3/auth/user/grant", R"({"user":"worker","role":"locks"})");
        post("/v3/auth/enable", "{}");
    }

    std::string rootToken() const { return Etcd::readToken(post("/v3/auth/authenticate", R"({"name":"root","password":"root"})")).value(); }
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

/// Users and roles, on both versions. Each server checks tokens that end after 2 s.
class EtcdUsersTest : public EtcdFixture
{
    CPPUNIT_TEST_SUITE(EtcdUsersTest);
    CPPUNIT_TEST(testDocumentedRightsAreEnough);
    CPPUNIT_TEST(testLeasesOfAUserCarryFewLocks);
    CPPUNIT_TEST(testTokenThatEndedIsRenewedOnce);
    CPPUNIT_TEST(testRestartLosesTokensButNoLocks);
    CPPUNIT_TEST(testSignedTokenThatEndedIsRenewed);
    CPPUNIT_TEST(testRefusedUsersAreToldWhy);
    CPPUNIT_TEST(testFeedOfAUserHears);
    CPPUNIT_TEST(testUserIsServedWhereAuthenticationIsOff);
    CPPUNIT_TEST_SUITE_END();

    EtcdServer& server() const override { return guarded(EtcdKind::etcd34); }

    static GuardedEtcd& guarded(EtcdKind kind)
    {
        static std::map<EtcdKind, std::unique_ptr<GuardedEtcd>> servers;
        auto& server = servers[kind];
        if (!server)
            server = std::make_unique<GuardedEtcd>(kind, EtcdSetup{.arguments = {"--auth-token-ttl", "2"}});
        return *server;
    }

    static EtcdOptions userOf(const EtcdServer& server)
    {
        EtcdOptions options;
        options.nodes = {server.url()};
        options.prefix = "locks";
        options.user = worker;
        options.password = password;
        return options;
    }

    double logins() const { return counter("grpc_server_started_total", R"(grpc_method="Authenticate")"); }

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
        const auto granted = [this] { return counter("grpc_server_started_total", R"(grpc_method="LeaseGrant")"); };
        const auto before = granted();
        for (const auto& reply : store->renew(requests, context()))
            CPPUNIT_ASSERT(reply.status == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(3.0, granted() - before);
    }

    void testTokenThatEndedIsRenewedOnce()
    {
        auto store = open(userOf(server()));
        const auto lease = grant(*store, "expiring");
        // Others must not keep the token alive.
        std::this_thread::sleep_for(5s);
        const auto before = logins();
        std::vector<std::future<LeaseRef>> grants;
        for (int i = 0; i < 20; ++i)
            grants.push_back(std::async(std::launch::async, [&, i] { return grant(*store, "expiring " + std::to_string(i)); }));
        for (auto& one : grants)
            one.get();
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(1.0, logins() - before);
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
        for (int i = 0; i < 4; ++i)
        {
            std::this_thread::sleep_for(1s);
            CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        }
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
            std::this_thread::sleep_for(4s); // the token has ended
            FeedEvents sink;
            const auto feed = store->releaseFeed(sink);
            feed->watch("fed");
            until("the watch is confirmed", [&] { return sink.hears.load(); });
            CPPUNIT_ASSERT(store->breakLock("fed", lease.fence, BreakMode::now, context()));
            until("the break is told", [&] { return sink.isFree.load(); });
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
