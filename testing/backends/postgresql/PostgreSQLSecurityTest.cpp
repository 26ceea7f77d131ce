#include "PostgreSQLFixture.h"
#include "TestCertificates.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace Leasehold
{

using namespace std::chrono_literals;

namespace
{

std::string contentOf(const std::string& path)
{
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

/// A server with TLS and passwords.
class SecureServer : public PostgresServer
{
public:
    explicit SecureServer(const TestCertificates& certificates) :
        PostgresServer(
            "postgresql15",
            {.settings = {"ssl = on", "ssl_cert_file = '../server.pem'", "ssl_key_file = '../server.key'", "ssl_ca_file = '../ca.pem'",
                          "password_encryption = 'scram-sha-256'"},
             .hba =
                 "local all all trust\nhost all lease 127.0.0.1/32 trust\nhostssl all certified 127.0.0.1/32 trust clientcert=verify-ca\n"
                 "hostssl all all 127.0.0.1/32 scram-sha-256\n",
             .files = {{"server.pem", contentOf(certificates.certificateFile())},
                       {"server.key", contentOf(certificates.keyFile())},
                       {"ca.pem", contentOf(certificates.caFile())}}})
    {
        query("CREATE ROLE worker SUPERUSER LOGIN PASSWORD 'right'");
        query("CREATE ROLE certified SUPERUSER LOGIN");
    }
};

} // namespace

/// TLS and passwords.
class PostgreSQLSecurityTest : public PostgreSQLFixture
{
    CPPUNIT_TEST_SUITE(PostgreSQLSecurityTest);
    CPPUNIT_TEST(testVerifiedServerAndPasswordAreAccepted);
    CPPUNIT_TEST(testUntrustedServerIsRefused);
    CPPUNIT_TEST(testServerWithAnotherNameIsRefusedUnlessOnlyItsAuthorityCounts);
    CPPUNIT_TEST(testPlainTextIsNotFallenBackTo);
    CPPUNIT_TEST(testWrongAndMissingPasswordsAreRefusedAndNotShown);
    CPPUNIT_TEST(testPassfileIsUsed);
    CPPUNIT_TEST(testClientCertificateIsUsed);
    CPPUNIT_TEST(testEnvironmentOfLibpqIsNotUsed);
    CPPUNIT_TEST(testEnvironmentDoesNotReachAUnixSocket);
    CPPUNIT_TEST(testServiceOfTheEnvironmentChangesNothing);
    CPPUNIT_TEST_SUITE_END();

    static const TestCertificates& certificates()
    {
        static const TestCertificates shared("IP:127.0.0.1");
        return shared;
    }

    static SecureServer& secure()
    {
        static SecureServer shared(certificates());
        return shared;
    }

    PostgreSQLOptions worker() const
    {
        auto result = secure().storeOptions(schema());
        result.user = "worker";
        result.password = "right";
        result.tls = PostgreSQLTls::verifyFull;
        result.caFile = certificates().caFile();
        return result;
    }

public:
    void testVerifiedServerAndPasswordAreAccepted() { grant(*open(worker()), "a"); }

    void testUntrustedServerIsRefused()
    {
        auto stranger = worker();
        stranger.caFile.clear();
        assertSays(error([&] { open(stranger); }), "cannot connect");
    }

    void testServerWithAnotherNameIsRefusedUnlessOnlyItsAuthorityCounts()
    {
        auto other = worker();
        other.hosts = {"localhost:" + std::to_string(secure().port())};
        assertSays(error([&] { open(other); }), "localhost");
        other.tls = PostgreSQLTls::verifyCa;
        grant(*open(other), "a");
    }

    void testPlainTextIsNotFallenBackTo()
    {
        auto plain = options(); // a server without TLS
        plain.tls = PostgreSQLTls::require;
        const auto said = error([&] { open(plain); });
        assertSays(said, "cannot connect: server does not support SSL, but SSL was required; see sslmode");
    }

    void testWrongAndMissingPasswordsAreRefusedAndNotShown()
    {
        auto wrong = worker();
        wrong.password = "wrong-secret";
        const auto said = error([&] { open(wrong); });
        assertSays(said, "28P01");
        CPPUNIT_ASSERT(said.find("wrong-secret") == std::string::npos);
        wrong.password.clear();
        wrong.passfile = "/no/such/file";
        assertSays(error([&] { open(wrong); }), "the server asks for a password");
    }

    void testPassfileIsUsed()
    {
        const auto file = secure().folder() / "passwords";
        std::ofstream(file) << "*:*:*:worker:right\n";
        std::filesystem::permissions(file, std::filesystem::perms::owner_read);
        auto filed = worker();
        filed.password.clear();
        filed.passfile = file.string();
        grant(*open(filed), "a");
    }

    void testClientCertificateIsUsed()
    {
        auto certified = worker();
        certified.user = "certified";
        assertSays(error([&] { open(certified); }), "28000");
        certified.clientCertificateFile = certificates().clientCertificateFile();
        certified.clientKeyFile = certificates().clientKeyFile();
        using std::filesystem::perms;
        std::filesystem::permissions(certified.clientKeyFile, perms::owner_read | perms::owner_write | perms::others_read);
        assertSays(error([&] { open(certified); }), "has group or world access");
        std::filesystem::permissions(certified.clientKeyFile, perms::owner_read | perms::owner_write);
        grant(*open(certified), "a");
    }

    void testEnvironmentOfLibpqIsNotUsed()
    {
        const EnvironmentVariable user("PGUSER", "nobody-knows"), settings("PGOPTIONS", "-c no_such_setting=1"),
            password("PGPASSWORD", "right"), mode("PGSSLMODE", "disable"), newest("PGSSLMAXPROTOCOLVERSION", "TLSv1"),
            certificate("PGSSLCERT", "/no/such/file"), host("PGHOSTADDR", "192.0.2.1");
        open(worker());
        auto without = worker();
        without.password.clear();
        assertSays(error([&] { open(without); }), "the server asks for a password");
        without.passfile = "/no/such/file";
        assertSays(error([&] { open(without); }), "the server asks for a password");
    }

    void testEnvironmentDoesNotReachAUnixSocket()
    {
        const EnvironmentVariable host("PGHOSTADDR", "192.0.2.1"), peer("PGREQUIREPEER", "nobody-knows");
        auto local = options();
        local.hosts = {server().folder().string() + ":" + std::to_string(server().port())};
        grant(*open(local), "a");
    }

    void testServiceOfTheEnvironmentChangesNothing()
    {
        const auto file = server().folder() / "services";
        std::ofstream(file)
            << "[other]\nuser=nobody-knows\npassword=right\ndbname=postgres\noptions=-c no_such_setting=1\nsslmode=disable\n";
        const EnvironmentVariable service("PGSERVICE", "other"), services("PGSERVICEFILE", file.c_str());
        auto without = worker();
        open(without);
        without.password.clear();
        assertSays(error([&] { open(without); }), "the server asks for a password");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PostgreSQLSecurityTest);

} // namespace Leasehold
