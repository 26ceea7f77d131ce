#include "TestCertificates.h"
#include "documentedRights.h"

#include "EngineNode.h"
#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <sstream>

namespace Leasehold
{

/// Elasticsearch 8 with its security module and without painless: TLS, users, rights.
class EngineSecurityTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EngineSecurityTest);
    CPPUNIT_TEST(testUserWhoIsRefusedIsTold);
    CPPUNIT_TEST(testUnknownAuthorityIsRefused);
    CPPUNIT_TEST(testNodeWithoutPainlessIsRefused);
    CPPUNIT_TEST(testUserWhoMayNotMakeTheIndexIsTold);
    CPPUNIT_TEST(testMissingRightsForTheSetUpAreAcceptedWhereTheIndexIs);
    CPPUNIT_TEST(testMakingTheAliasNeedsMoreThanCreateIndex);
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
            options.configFiles = {{"server.pem", content(certificates.certificateFile())},
                                   {"server.key", content(certificates.keyFile())},
                                   {"users", "operator:$2a$04$abcdefghijklmnopqrstuuycfw7mcTAPTf2.r21RPXhWsedgbpKE2\n"
                                             "worker:$2a$04$abcdefghijklmnopqrstuu4xrLaUZeC0L4UyB1j1mbPurgjKD2Wg2\n"
                                             "almost:$2a$04$abcdefghijklmnopqrstuu4xrLaUZeC0L4UyB1j1mbPurgjKD2Wg2\n"},
                                   {"users_roles", "operator:operator\nworker:worker\nalmost:almost\n"},
                                   {"roles.yml", role("worker", documentedRights("privileges", "worker")) +
                                                     role("operator", documentedRights("privileges", "operator")) +
                                                     role("almost", {{}, {"read", "write", "create_index", "view_index_metadata"}})}};
            return options;
        }

        static std::string role(const std::string& name, const Rights& rights)
        {
            return name + ": {cluster: " + yamlList(rights.cluster) +
                   ", indices: [{names: [\"leasehold*\"], privileges: " + yamlList(rights.index) + "}]}\n";
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
    void testUserWhoIsRefusedIsTold()
    {
        for (const auto& options :
             {as("worker", "wrong", "leasehold-a"), as("nobody", "few-rights", "leasehold-a"), as("", "", "leasehold-a")})
        {
            const auto error = prepareError(options);
            assertContains(error, "401");
            assertContains(error, "credentials");
        }
    }

    void testUnknownAuthorityIsRefused()
    {
        const TestCertificates others("IP:127.0.0.1");
        auto options = as("operator", "all-rights", "leasehold-b");
        options.caFile = others.caFile();
        assertContains(prepareError(options), "certificate");
    }

    void testNodeWithoutPainlessIsRefused() { assertContains(prepareError(as("operator", "all-rights", "leasehold-c")), "lang-painless"); }

    void testUserWhoMayNotMakeTheIndexIsTold()
    {
        // Elasticsearch does not tell a user without rights whether an index exists or what it contains.
        const auto error = prepareError(as("worker", "few-rights", "leasehold-d"));
        assertContains(error, "operator");
    }

    void testMissingRightsForTheSetUpAreAcceptedWhereTheIndexIs()
    {
        prepareError(as("operator", "all-rights", "leasehold-e")); // creates the index, and fails because painless is missing
        assertContains(prepareError(as("worker", "few-rights", "leasehold-e")), "lang-painless");
    }

    void testMakingTheAliasNeedsMoreThanCreateIndex()
    {
        assertContains(prepareError(as("almost", "few-rights", "leasehold-f")), "no right to indices:admin/aliases");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineSecurityTest);

} // namespace Leasehold
