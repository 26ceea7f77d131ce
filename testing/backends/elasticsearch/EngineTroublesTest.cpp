#include "EngineFixture.h"
#include "LockIndex.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The index missing, wrong, or deleted; the node hanging, or started again.
class EngineTroublesTest : public EngineFixture
{
    CPPUNIT_TEST_SUITE(EngineTroublesTest);
    CPPUNIT_TEST(testPrepareMakesTheIndexBehindItsAlias);
    CPPUNIT_TEST(testAMissingIndexIsMadeByTheFirstAcquire);
    CPPUNIT_TEST(testAMissingIndexHoldsNoLocks);
    CPPUNIT_TEST(testTwentyProcessesStartAtOnce);
    CPPUNIT_TEST(testAnIndexWithOtherMappingsIsRefusedAndLeftAlone);
    CPPUNIT_TEST(testANewerSchemaIsRefused);
    CPPUNIT_TEST(testAnIndexUnderTheNameOfTheAliasIsRefused);
    CPPUNIT_TEST(testAnIndexWithoutItsAliasIsToldSo);
    CPPUNIT_TEST(testAFailedPrepareIsNotRemembered);
    CPPUNIT_TEST(testADeletedIndexLosesItsLeasesAndGrantsNothingForATtl);
    CPPUNIT_TEST(testALeaseSurvivesTheRepairOfTheIndex);
    CPPUNIT_TEST(testAWriteBlockIsUnavailable);
    CPPUNIT_TEST(testAHangingNodeIsUnavailableAndWorksAgain);
    CPPUNIT_TEST(testALockSurvivesTheCrashOfTheNode);
    CPPUNIT_TEST_SUITE_END_ABSTRACT();

    bool controlsTheNode() const override { return true; }

    std::string alias() const { return options.index; }
    std::string index() const { return LockIndex::firstIndexOf(options.index); }

    static AcquireReply acquire(LockStore& store, const std::string& name, const std::string& token, Milliseconds ttl = 30s)
    {
        return store.acquire({name, token, ttl, "{}", 0}, context());
    }

    std::string prepareError() const
    {
        try
        {
            open()->prepare(context());
        }
        catch (const LockStoreUnavailable& error)
        {
            return "unavailable: " + error.message();
        }
        catch (const LockStoreError& error)
        {
            return error.message();
        }
        return {};
    }

    static void assertContains(const std::string& text, const std::string& part)
    {
        CPPUNIT_ASSERT_MESSAGE(text, text.find(part) != std::string::npos);
    }

    template <typename Call>
    static void assertUnavailable(const Call& call)
    {
        CPPUNIT_ASSERT_THROW(call(), LockStoreUnavailable);
    }

public:
    void testPrepareMakesTheIndexBehindItsAlias()
    {
        const auto store = open();
        store->prepare(context());
        store->prepare(context());
        open()->prepare(context());
        const auto state = LockIndex::examine(alias(), operate("GET", "/" + alias()));
        CPPUNIT_ASSERT_EQUAL(std::string(), state->problem);
        CPPUNIT_ASSERT(!state->uuid.empty());
        CPPUNIT_ASSERT(acquire(*store, "a", "t").status == AcquireStatus::granted);
        store->prepare(context());
        CPPUNIT_ASSERT(store->find("a", context()));
    }

    void testAMissingIndexIsMadeByTheFirstAcquire()
    {
        CPPUNIT_ASSERT(acquire(*open(), "a", "t").status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL(std::string(), LockIndex::examine(alias(), operate("GET", "/" + alias()))->problem);
    }

    void testAMissingIndexHoldsNoLocks()
    {
        const auto store = open();
        const std::vector<RenewRequest> requests{{{"a", "t", 1}, 30s}};
        CPPUNIT_ASSERT(store->renew(requests, context()).at(0).status == RenewStatus::lost);
        CPPUNIT_ASSERT(store->release({"a", "t", 1}, context()) == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!store->find("a", context()));
        CPPUNIT_ASSERT(!store->breakLock("a", 1, BreakMode::now, context()));
        CPPUNIT_ASSERT(store->list({}, context()).empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(1h, context()));
        CPPUNIT_ASSERT_EQUAL(404, ask("GET", "/" + alias()).status);
        CPPUNIT_ASSERT_EQUAL(404, ask("GET", "/" + index()).status);
    }

    void testTwentyProcessesStartAtOnce()
    {
        std::vector<pid_t> children;
        for (int number = 0; number < 20; ++number)
        {
            const pid_t child = ::fork();
            CPPUNIT_ASSERT(child >= 0);
            if (child == 0)
            {
                int status = 1;
                try
                {
                    const auto store = open();
                    store->prepare(context());
                    const auto own = acquire(*store, "own " + std::to_string(number), "t");
                    const auto shared = acquire(*store, "shared", "t" + std::to_string(number));
                    if (own.status == AcquireStatus::granted)
                        status = shared.status == AcquireStatus::granted ? 10 : 0;
                }
                catch (const LockException& error)
                {
                    const std::string line = error.message() + "\n";
                    [[maybe_unused]] const auto written = ::write(2, line.data(), line.size());
                }
                ::_exit(status); // the parent's node is not the child's to end
            }
            children.push_back(child);
        }
        int winners = 0;
        int failed = 0;
        for (const pid_t child : children)
        {
            int status = 0;
            CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, &status, 0));
            const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            winners += code == 10 ? 1 : 0;
            failed += code == 10 || code == 0 ? 0 : 1;
        }
        CPPUNIT_ASSERT_EQUAL(0, failed);
        CPPUNIT_ASSERT_EQUAL(1, winners);
        CPPUNIT_ASSERT_EQUAL(std::string(), LockIndex::examine(alias(), operate("GET", "/" + alias()))->problem);
        CPPUNIT_ASSERT_EQUAL(std::size_t{21}, open()->list({}, context()).size());
    }

    void testAnIndexWithOtherMappingsIsRefusedAndLeftAlone()
    {
        operate("PUT", "/" + index(), R"({"aliases":{")" + alias() + R"(":{}}})");
        operate("PUT", "/" + index() + "/_doc/a?refresh=true", R"({"name":"a"})");
        const auto error = prepareError();
        assertContains(error, index());
        assertContains(error, "to repair it");
        operate("GET", "/" + index() + "/_doc/a");
    }

    void testANewerSchemaIsRefused()
    {
        auto definition = LockIndex::definition(alias(), 0);
        const std::string schema = R"("schema":1)";
        definition.replace(definition.find(schema), schema.size(), R"("schema":2)");
        operate("PUT", "/" + index(), definition);
        assertContains(prepareError(), "newer version");
    }

    void testAnIndexUnderTheNameOfTheAliasIsRefused()
    {
        operate("PUT", "/" + alias(), "{}");
        assertContains(prepareError(), "an alias is needed");
        const auto store = open();
        CPPUNIT_ASSERT_THROW(acquire(*store, "a", "t"), LockStoreError);
    }

    void testAnIndexWithoutItsAliasIsToldSo()
    {
        operate("PUT", "/" + index(), "{}");
        const auto error = prepareError();
        assertContains(error, "unavailable");
        assertContains(error, "add the alias");
    }

    void testAFailedPrepareIsNotRemembered()
    {
        operate("PUT", "/" + alias(), "{}");
        const auto store = open();
        CPPUNIT_ASSERT_THROW(store->prepare(context()), LockStoreError);
        operate("DELETE", "/" + alias());
        store->prepare(context());
        CPPUNIT_ASSERT(acquire(*store, "a", "t").status == AcquireStatus::granted);
    }

    void testADeletedIndexLosesItsLeasesAndGrantsNothingForATtl()
    {
        const auto store = open();
        const auto grant = acquire(*store, "a", "t", 1500ms);
        CPPUNIT_ASSERT(grant.status == AcquireStatus::granted);
        const auto start = std::chrono::steady_clock::now();
        operate("DELETE", "/" + index());
        const std::vector<RenewRequest> requests{{{"a", "t", grant.record.fence}, 1500ms}};
        CPPUNIT_ASSERT(store->renew(requests, context()).at(0).status == RenewStatus::lost);

        AcquireReply later;
        int refused = 0;
        until(
            [&]
            {
                try
                {
                    later = acquire(*store, "b", "t", 500ms);
                    return true;
                }
                catch (const LockStoreUnavailable& error)
                {
                    assertContains(error.message(), "vanished");
                    ++refused;
                    return false;
                }
            },
            "a grant after the index vanished");
        CPPUNIT_ASSERT(refused > 0);
        CPPUNIT_ASSERT(later.status == AcquireStatus::granted);
        CPPUNIT_ASSERT(later.record.fence > grant.record.fence);
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - start >= 1400ms);
    }

    void testALeaseSurvivesTheRepairOfTheIndex()
    {
        const auto store = open();
        const auto grant = acquire(*store, "a", "t");
        CPPUNIT_ASSERT(grant.status == AcquireStatus::granted);
        // What the error message tells an operator to do; the copy by hand, since not every engine has a reindex module.
        auto definition = LockIndex::definition(alias(), 0);
        definition = definition.substr(0, definition.rfind(R"(,"aliases")")) + "}";
        operate("PUT", "/" + alias() + "-2", definition);
        const auto copy = operate("GET", "/" + index() + "/_source/a");
        operate("PUT", "/" + alias() + "-2/_doc/a", copy);
        operate("POST", "/_aliases",
                R"({"actions":[{"remove":{"index":")" + index() + R"(","alias":")" + alias() + R"("}},{"add":{"index":")" + alias() +
                    R"(-2","alias":")" + alias() + R"(","is_write_index":true}}]})");
        const std::vector<RenewRequest> requests{{{"a", "t", grant.record.fence}, 30s}};
        CPPUNIT_ASSERT(store->renew(requests, context()).at(0).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(acquire(*open(), "a", "u").status == AcquireStatus::held);
    }

    void testAWriteBlockIsUnavailable()
    {
        const auto store = open();
        store->prepare(context());
        operate("PUT", "/" + index() + "/_settings", R"({"index.blocks.write":true})");
        assertUnavailable([&] { acquire(*store, "a", "t"); });
        operate("PUT", "/" + index() + "/_settings", R"({"index.blocks.write":false})");
        CPPUNIT_ASSERT(acquire(*store, "a", "t").status == AcquireStatus::granted);
    }

    void testAHangingNodeIsUnavailableAndWorksAgain()
    {
        const auto store = open();
        const auto grant = acquire(*store, "a", "t", 60s);
        CPPUNIT_ASSERT(grant.status == AcquireStatus::granted);
        auto& node = sharedEngine(kind());
        node.stopHanging();
        const auto start = std::chrono::steady_clock::now();
        const auto shortly = [] { return CallContext::within(500ms); };
        const std::vector<RenewRequest> requests{{{"a", "t", grant.record.fence}, 60s}};
        bool allUnavailable = true;
        const auto check = [&](const auto& call)
        {
            try
            {
                call();
                allUnavailable = false;
            }
            catch (const LockStoreUnavailable&)
            {
                // As it should be; the node must run again before anything is asserted.
            }
        };
        check([&] { store->acquire({"b", "t", 30s, "{}", 0}, shortly()); });
        check([&] { store->renew(requests, shortly()); });
        check([&] { store->release({"a", "u", 1}, shortly()); });
        check([&] { store->find("a", shortly()); });
        const auto took = std::chrono::steady_clock::now() - start;
        node.resume();
        CPPUNIT_ASSERT(allUnavailable);
        CPPUNIT_ASSERT(took < 10s);
        CPPUNIT_ASSERT(store->renew(requests, context()).at(0).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(acquire(*store, "c", "t").status == AcquireStatus::granted);
    }

    void testALockSurvivesTheCrashOfTheNode()
    {
        const auto store = open();
        const auto grant = acquire(*store, "a", "t", 120s);
        auto& node = sharedEngine(kind());
        node.kill();
        assertUnavailable([&] { store->find("a", context()); });
        node.restart();
        AcquireReply reply;
        until(
            [&]
            {
                try
                {
                    reply = acquire(*store, "a", "u");
                    return true;
                }
                catch (const LockStoreUnavailable&)
                {
                    return false; // the index is on its way back
                }
            },
            "the index after the restart");
        CPPUNIT_ASSERT(reply.status == AcquireStatus::held);
        CPPUNIT_ASSERT_EQUAL(grant.record.fence, reply.record.fence);
        const std::vector<RenewRequest> requests{{{"a", "t", grant.record.fence}, 30s}};
        CPPUNIT_ASSERT(store->renew(requests, context()).at(0).status == RenewStatus::renewed);
    }
};

class OpenSearch3TroublesTest : public EngineTroublesTest
{
    CPPUNIT_TEST_SUB_SUITE(OpenSearch3TroublesTest, EngineTroublesTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::openSearch3; }
};

class Elasticsearch7TroublesTest : public EngineTroublesTest
{
    CPPUNIT_TEST_SUB_SUITE(Elasticsearch7TroublesTest, EngineTroublesTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::elasticsearch7; }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OpenSearch3TroublesTest);
CPPUNIT_TEST_SUITE_REGISTRATION(Elasticsearch7TroublesTest);

} // namespace Leasehold
