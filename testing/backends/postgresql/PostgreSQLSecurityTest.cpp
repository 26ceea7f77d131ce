#include "PostgreSQLFixture.h"
#include "TestCertificates.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>
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

/// Set for the time of a test.
class EnvironmentVariable
{
public:
    EnvironmentVariable(const char* name, const char* value) : _name(name) { ::setenv(name, value, 1); }
    ~EnvironmentVariable() { ::unsetenv(_name); }
    EnvironmentVariable(const EnvironmentVariable&) = delete;
    EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

private:
    const char* const _name;
};

/// A server with TLS and passwords.
class SecureServer : public PostgresServer
{
public:
    explicit SecureServer(const TestCertificates& certificates) :
        PostgresServer(
            "postgresql15",
            {.settings = {"ssl = on", "ssl_cert_file = '../server.pem'", "ssl_key_file = '../server.key'",
                          "password_encryption = 'scram-sha-256'"},
             .hba = "local all all trust\nhost all lease 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
             .files = {{"server.pem", contentOf(certificates.certificateFile())}, {"server.key", contentOf(certificates.keyFile())}}})
    {
        query("CREATE ROLE worker SUPERUSER LOGIN PASSWORD 'right'");
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
    CPPUNIT_TEST(testEnvironmentOfLibpqIsNotUsed);
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
        assertSays(error([&] { open(plain); }), "SSL");
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

    void testEnvironmentOfLibpqIsNotUsed()
    {
        const EnvironmentVariable user("PGUSER", "nobody-knows"), settings("PGOPTIONS", "-c no_such_setting=1"),
            password("PGPASSWORD", "right"), mode("PGSSLMODE", "disable");
        open(worker());
        auto without = worker();
        without.password.clear();
        assertSays(error([&] { open(without); }), "28P01");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PostgreSQLSecurityTest);

} // namespace Leasehold
