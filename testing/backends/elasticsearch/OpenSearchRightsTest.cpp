#include "TestCertificates.h"
#include "documentedRights.h"

#include "EngineNode.h"
#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/LockManagerService.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace Leasehold
{

using namespace std::chrono_literals;

/// OpenSearch with its security plugin: the rights in operating.md of the store suffice, and each of them is needed.
class OpenSearchRightsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(OpenSearchRightsTest);
    CPPUNIT_TEST(testDocumentedRightsSufficeForEveryVerb);
    CPPUNIT_TEST(testEachRightOfTheWorkerIsNeeded);
    CPPUNIT_TEST(testEachRightOfTheOperatorIsNeeded);
    CPPUNIT_TEST(testRefusedCredentialsAreToldPlainly);
    CPPUNIT_TEST_SUITE_END();

    static const Rights& worker()
    {
        static const auto rights = documentedRights("permissions", "worker");
        return rights;
    }
    static const Rights& whoOperates()
    {
        static const auto rights = documentedRights("permissions", "operator");
        return rights;
    }

    static Rights without(Rights rights, const std::string& right)
    {
        std::erase(rights.cluster, right);
        std::erase(rights.index, right);
        return rights;
    }

    /// Every user of the node with the user's rights. The name says which right is missing: "worker-0" lacks the first one.
    static std::vector<std::pair<std::string, Rights>> users()
    {
        std::vector<std::pair<std::string, Rights>> all{{"worker", worker()}, {"operator", whoOperates()}};
        const auto addEachWithoutOne = [&all](const std::string& name, const Rights& rights)
        {
            int number = 0;
            for (const auto* const some : {&rights.cluster, &rights.index})
            {
                for (const auto& right : *some)
                    all.emplace_back(name + "-" + std::to_string(number++), without(rights, right));
            }
        };
        addEachWithoutOne("worker", worker());
        addEachWithoutOne("operator", whoOperates());
        return all;
    }

    /// One node for the suite; it ends with the program.
    struct Secured
    {
        TestCertificates certificates{"IP:127.0.0.1"};
        EngineNode node{EngineKind::openSearch2, options(certificates)};

        static EngineOptions options(const TestCertificates& certificates)
        {
            // The password of everybody is "few-rights".
            std::string known = "_meta: {type: internalusers, config_version: 2}\n", roles = "_meta: {type: roles, config_version: 2}\n",
                        mapping = "_meta: {type: rolesmapping, config_version: 2}\n";
            for (const auto& [name, rights] : users())
            {
                known += name + R"(: {hash: "$2a$04$abcdefghijklmnopqrstuu4xrLaUZeC0L4UyB1j1mbPurgjKD2Wg2"})" + "\n";
                roles += name + ": {cluster_permissions: " + yamlList(rights.cluster) +
                         ", index_permissions: [{index_patterns: [\"leasehold*\"], allowed_actions: " + yamlList(rights.index) + "}]}\n";
                mapping += name + ": {users: [" + name + "]}\n";
            }
            EngineOptions options;
            options.settings = {"plugins.security.ssl.transport.pemcert_filepath: server.pem",
                                "plugins.security.ssl.transport.pemkey_filepath: server.key",
                                "plugins.security.ssl.transport.pemtrustedcas_filepath: ca.pem",
                                "plugins.security.ssl.transport.enforce_hostname_verification: false",
                                "plugins.security.ssl.http.enabled: false",
                                "plugins.security.allow_default_init_securityindex: true"};
            const std::string folder = "opensearch-security/";
            const auto empty = [](const std::string& type) { return "_meta: {type: " + type + ", config_version: 2}\n"; };
            options.configFiles = {{"server.pem", content(certificates.certificateFile())},
                                   {"server.key", content(certificates.keyFile())},
                                   {"ca.pem", content(certificates.caFile())},
                                   {folder + "config.yml", "_meta: {type: config, config_version: 2}\n"
                                                           "config: {dynamic: {authc: {basic: {http_enabled: true, transport_enabled: "
                                                           "true, order: 0, http_authenticator: {type: basic, "
                                                           "challenge: true}, authentication_backend: {type: internal}}}}}\n"},
                                   {folder + "internal_users.yml", known},
                                   {folder + "roles.yml", roles},
                                   {folder + "roles_mapping.yml", mapping},
                                   {folder + "action_groups.yml", empty("actiongroups")},
                                   {folder + "tenants.yml", empty("tenants")},
                                   {folder + "nodes_dn.yml", empty("nodesdn")},
                                   {folder + "allowlist.yml", "_meta: {type: allowlist, config_version: 2}\nconfig: {enabled: false}\n"},
                                   {folder + "audit.yml", "_meta: {type: audit, config_version: 2}\nconfig: {enabled: false}\n"}};
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

    static std::shared_ptr<ElasticsearchLockStore> as(const std::string& user, const std::string& index)
    {
        static Secured secured;
        ElasticsearchOptions options;
        options.nodes = {secured.node.url()};
        options.user = user;
        options.password = user == "stranger" ? "wrong" : "few-rights";
        options.index = index;
        options.replicas = 0;
        return std::make_shared<ElasticsearchLockStore>(options);
    }

    static CallContext context() { return CallContext::within(60s); }

    static void useEveryVerb(LockStore& store)
    {
        static int uses = 0;
        const std::string token = "t" + std::to_string(++uses);
        store.prepare(context());
        std::vector<RenewRequest> renewals;
        for (const std::string name : {"a", "b"}) // two locks, so that they share a bulk
        {
            const auto grant = store.acquire({name, token, 60s, "{}", 0}, context());
            CPPUNIT_ASSERT(grant.status == AcquireStatus::granted);
            renewals.push_back({{name, token, grant.record.fence}, 60s});
        }
        for (const auto& reply : store.renew(renewals, context()))
            CPPUNIT_ASSERT_MESSAGE(reply.reason, reply.status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store.find("a", context()));
        store.list({}, context());
        CPPUNIT_ASSERT(store.breakLock("a", renewals[0].lease.fence, BreakMode::now, context()));
        CPPUNIT_ASSERT(store.release(renewals[1].lease, context()).status == ReleaseStatus::released);
        store.prune(1h, context());
    }

    /// The message that the user gets. The test fails if every verb succeeds.
    static std::string refusal(const std::string& user, const std::string& index)
    {
        const auto store = as(user, index);
        try
        {
            useEveryVerb(*store);
        }
        catch (const LockStoreUnavailable& error)
        {
            CPPUNIT_FAIL(user + " was told that the store is unavailable: " + error.message());
        }
        catch (const LockStoreError& error)
        {
            return error.message();
        }
        CPPUNIT_FAIL(user + " lacks a right and can use every verb");
        return {};
    }

    static void assertContains(const std::string& text, const std::string& part)
    {
        CPPUNIT_ASSERT_MESSAGE(text, text.find(part) != std::string::npos);
    }

public:
    void testDocumentedRightsSufficeForEveryVerb()
    {
        LockManagerService(as("operator", "leasehold-all")).check(); // makes the index, as an operator does
        useEveryVerb(*as("worker", "leasehold-all"));
        useEveryVerb(*as("operator", "leasehold-all"));
        // The operator's list is up to date at once.
        const auto store = as("operator", "leasehold-all");
        CPPUNIT_ASSERT(store->acquire({"c", "t", 60s, "{}", 0}, context()).status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({.prefix = "c"}, context()).size());
    }

    void testEachRightOfTheWorkerIsNeeded()
    {
        as("operator", "leasehold-worker")->prepare(context());
        assertContains(refusal("worker-0", "leasehold-worker"), "no right to indices:data/write/bulk");
        assertContains(refusal("worker-1", "leasehold-worker"), "no right to indices:data/read/search");
        assertContains(refusal("worker-2", "leasehold-worker"), "no right to indices:data/write/update");
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, worker().cluster.size() + worker().index.size());
    }

    void testEachRightOfTheOperatorIsNeeded()
    {
        // The first ones are the worker's: bulk, read and write. Without the refresh only the list is late.
        const std::vector<std::string> others{"indices:data/write/bulk", "read", "write", "indices:admin/refresh*"};
        int number = 0;
        for (const auto* const some : {&whoOperates().cluster, &whoOperates().index})
        {
            for (const auto& right : *some)
            {
                const auto user = "operator-" + std::to_string(number++);
                if (std::find(others.begin(), others.end(), right) == others.end())
                    assertContains(refusal(user, "leasehold-" + user), "operator");
            }
        }
        CPPUNIT_ASSERT_EQUAL(7, number);
    }

    /// Guards against a message that also complains about the type of the answer: OpenSearch answers in plain text.
    void testRefusedCredentialsAreToldPlainly()
    {
        const auto message = refusal("stranger", "leasehold-stranger");
        assertContains(message, "401: the credentials are refused");
        CPPUNIT_ASSERT_MESSAGE(message, message.find("JSON") == std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OpenSearchRightsTest);

} // namespace Leasehold
