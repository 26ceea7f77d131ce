#include "TestCertificates.h"

#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/EngineNode.h"
#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <sstream>

namespace Leasehold
{

/// Elasticsearch 8 with its security module: TLS, users, rights; and without painless.
class EngineSecurityTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EngineSecurityTest);
    CPPUNIT_TEST(testAUserWhoIsRefusedIsTold);
    CPPUNIT_TEST(testAnUnknownAuthorityIsRefused);
    CPPUNIT_TEST(testANodeWithoutPainlessIsRefused);
    CPPUNIT_TEST(testAUserWhoMayNotMakeTheIndexIsTold);
    CPPUNIT_TEST(testMissingRightsForTheSetUpAreAcceptedWhereTheIndexIs);
    CPPUNIT_TEST_SUITE_END();

    /// One node for the suite; it ends with the program.
    struct Secured
    {
        TestCertificates certificates{"IP:127.0.0.1"};
        EngineNode node{EngineKind::elasticsearch8, options(certificates)};

        static EngineOptions options(const TestCertificates& certificates)
        {
            EngineOptions options;
            options.tls = true;
            options.settings = {"xpack.security.enabled: true",
                                "xpack.security.autoconfiguration.enabled: false",
                                "xpack.security.enrollment.enabled: false",
                                "xpack.security.http.ssl.enabled: true",
                                "xpack.security.http.ssl.key: server.key",
                                "xpack.security.http.ssl.certificate: server.pem",
                                "xpack.security.transport.ssl.enabled: false",
                                "xpack.security.authc.realms.file.file1.order: 0"};
            // The passwords are "all-rights" and "few-rights".
            options.configFiles = {
                {"server.pem", content(certificates.certificateFile())},
                {"server.key", content(certificates.keyFile())},
                {"users", "operator:$2a$04$abcdefghijklmnopqrstuuycfw7mcTAPTf2.r21RPXhWsedgbpKE2\n"
                          "worker:$2a$04$abcdefghijklmnopqrstuu4xrLaUZeC0L4UyB1j1mbPurgjKD2Wg2\n"},
                {"users_roles", "superuser:operator\nlocks:worker\n"},
                {"roles.yml", "locks:\n  indices:\n    - names: [ 'leasehold*' ]\n      privileges: [ 'read', 'write' ]\n"}};
            return options;
        }

        static std::string content(const std::string& path)
        {
            std::ifstream file(path);
            std::ostringstream text;
            text << file.rdbuf();
            return text.str();
        }
    };

    static Secured& secured()
    {
        static Secured one;
        return one;
    }

    static ElasticsearchOptions as(const std::string& user, const std::string& password, const std::string& index)
    {
        ElasticsearchOptions options;
        options.nodes = {secured().node.url()};
        options.caFile = secured().certificates.caFile();
        options.user = user;
        options.password = password;
        options.index = index;
        options.replicas = 0;
        return options;
    }

    static std::string prepareError(const ElasticsearchOptions& options)
    {
        ElasticsearchLockStore store(options);
        try
        {
            store.prepare(CallContext::within(Milliseconds(30'000)));
        }
        catch (const LockStoreUnavailable& error)
        {
            CPPUNIT_FAIL("unavailable: " + error.message());
        }
        catch (const LockStoreError& error)
        {
            CPPUNIT_ASSERT_MESSAGE(error.message(), error.message().find("rights\"") == std::string::npos);
            return error.message();
        }
        CPPUNIT_FAIL("prepared");
        return {};
    }

    static void assertContains(const std::string& text, const std::string& part)
    {
        CPPUNIT_ASSERT_MESSAGE(text, text.find(part) != std::string::npos);
    }

public:
    void testAUserWhoIsRefusedIsTold()
    {
        for (const auto& options :
             {as("worker", "wrong", "leasehold-a"), as("nobody", "few-rights", "leasehold-a"), as("", "", "leasehold-a")})
        {
            const auto error = prepareError(options);
            assertContains(error, "401");
            assertContains(error, "credentials");
        }
    }

    void testAnUnknownAuthorityIsRefused()
    {
        const TestCertificates others("IP:127.0.0.1");
        auto options = as("operator", "all-rights", "leasehold-b");
        options.caFile = others.caFile();
        assertContains(prepareError(options), "certificate");
    }

    void testANodeWithoutPainlessIsRefused() { assertContains(prepareError(as("operator", "all-rights", "leasehold-c")), "lang-painless"); }

    void testAUserWhoMayNotMakeTheIndexIsTold()
    {
        // Elasticsearch tells a user without rights neither that an index is missing nor what it is.
        const auto error = prepareError(as("worker", "few-rights", "leasehold-d"));
        assertContains(error, "operator");
    }

    void testMissingRightsForTheSetUpAreAcceptedWhereTheIndexIs()
    {
        prepareError(as("operator", "all-rights", "leasehold-e")); // made the index, and stopped at the missing painless
        assertContains(prepareError(as("worker", "few-rights", "leasehold-e")), "lang-painless");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineSecurityTest);

} // namespace Leasehold
