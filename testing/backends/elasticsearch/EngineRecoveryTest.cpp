#include "EngineFixture.h"
#include "LockIndex.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/ForkedChild.h"
#include "Leasehold/LockManagerService.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <sstream>

namespace Leasehold
{

using namespace Elasticsearch;

using namespace std::chrono_literals;

/// A missing, wrong or deleted index; a hanging or restarted node.
class EngineRecoveryTest : public EngineFixture
{
    CPPUNIT_TEST_SUITE(EngineRecoveryTest);
    CPPUNIT_TEST(testPrepareMakesTheIndexBehindItsAlias);
    CPPUNIT_TEST(testMissingIndexIsMadeByTheFirstAcquire);
    CPPUNIT_TEST(testMissingIndexHoldsNoLocks);
    CPPUNIT_TEST(testListAndFindMakeNoIndex);
    CPPUNIT_TEST(testTwentyProcessesStartAtOnce);
    CPPUNIT_TEST(testIndexWithOtherMappingsIsRefusedAndLeftAlone);
    CPPUNIT_TEST(testNewerSchemaIsRefused);
    CPPUNIT_TEST(testIndexUnderTheNameOfTheAliasIsRefused);
    CPPUNIT_TEST(testIndexWithoutItsAliasIsToldSo);
    CPPUNIT_TEST(testFailedPrepareIsNotRemembered);
    CPPUNIT_TEST(testDeletedIndexLosesItsLeasesAndGrantsNothingForATtl);
    CPPUNIT_TEST(testPrintedRepairKeepsLeaseAndFence);
    CPPUNIT_TEST(testWriteBlockIsUnavailable);
    CPPUNIT_TEST(testHangingNodeIsUnavailableAndWorksAgain);
    CPPUNIT_TEST(testLockSurvivesTheCrashOfTheNode);
    CPPUNIT_TEST_SUITE_END_ABSTRACT();

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

    /// Asserts that no other caller gets the lock "a".
    void requireNotGranted() const
    {
        try
        {
            CPPUNIT_ASSERT(acquire(*open(), "a", "another").status == AcquireStatus::held);
        }
        catch (const LockStoreUnavailable&)
        {
            // The index is blocked for writing.
        }
    }

    /// Sends the request. The tests' Elasticsearch 7 lacks the module for _reindex, so there this function copies the documents that a
    /// search finds, as _reindex does.
    void reindexOrOperate(const std::string& method, const std::string& path, const std::string& body) const
    {
        if (!path.starts_with("/_reindex") || kind() != EngineKind::elasticsearch7)
        {
            const auto answer = operate(method.c_str(), path, body);
            if (path.starts_with("/_reindex"))
                assertContains(answer, R"("failures":[])");
            return;
        }
        const auto request = Poco::JSON::Parser().parse(body).extract<Poco::JSON::Object::Ptr>();
        const auto source = request->getObject("source")->getValue<std::string>("index");
        const auto destination = request->getObject("dest")->getValue<std::string>("index");
        const auto found = Poco::JSON::Parser().parse(operate("GET", "/" + source + "/_search")).extract<Poco::JSON::Object::Ptr>();
        for (const auto& hit : *found->getObject("hits")->getArray("hits"))
        {
            const auto document = hit.extract<Poco::JSON::Object::Ptr>();
            std::ostringstream text;
            document->getObject("_source")->stringify(text);
            operate("PUT", "/" + destination + "/_doc/" + document->getValue<std::string>("_id"), text.str());
        }
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
        const auto state = LockIndex::examine(alias(), operate("GET", "/" + alias()), 0);
        CPPUNIT_ASSERT_EQUAL(std::string(), state->problem);
        CPPUNIT_ASSERT(!state->uuid.empty());
        CPPUNIT_ASSERT(acquire(*store, "a", "t").status == AcquireStatus::granted);
        store->prepare(context());
        CPPUNIT_ASSERT(store->find("a", context()));
    }

    void testMissingIndexIsMadeByTheFirstAcquire()
    {
        CPPUNIT_ASSERT(acquire(*open(), "a", "t").status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL(std::string(), LockIndex::examine(alias(), operate("GET", "/" + alias()), 0)->problem);
    }

    void testMissingIndexHoldsNoLocks()
    {
        const auto store = open();
        const std::vector<RenewRequest> requests{{{"a", "t", 1}, 30s}};
        CPPUNIT_ASSERT(store->renew(requests, context()).at(0).status == RenewStatus::lost);
        CPPUNIT_ASSERT(store->release({"a", "t", 1}, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!store->find("a", context()));
        CPPUNIT_ASSERT(!store->breakLock("a", 1, BreakMode::now, context()));
        CPPUNIT_ASSERT(store->list({}, context()).empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(1h, context()));
        CPPUNIT_ASSERT_EQUAL(404, ask("GET", "/" + alias()).status);
        CPPUNIT_ASSERT_EQUAL(404, ask("GET", "/" + index()).status);
    }

    void testListAndFindMakeNoIndex()
    {
        LockManagerService locks(open());
        CPPUNIT_ASSERT(locks.list({}).empty());
        CPPUNIT_ASSERT(!locks.find("a"));
        CPPUNIT_ASSERT_EQUAL(404, ask("GET", "/" + index()).status);
        CPPUNIT_ASSERT_EQUAL(404, ask("GET", "/" + alias()).status);

        auto lock = locks.acquire("a");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, locks.list({}).size());
        lock.release();
    }

    void testTwentyProcessesStartAtOnce()
    {
        std::vector<std::unique_ptr<ForkedChild>> children;
        for (int number = 0; number < 20; ++number)
            children.push_back(std::make_unique<ForkedChild>(
                [&, number]
                {
                    const auto store = open();
                    store->prepare(context());
                    const auto own = acquire(*store, "own " + std::to_string(number), "t");
                    const auto shared = acquire(*store, "shared", "t" + std::to_string(number));
                    if (own.status != AcquireStatus::granted)
                        return 1;
                    return shared.status == AcquireStatus::granted ? 10 : 0;
                }));
        int winners = 0;
        int failed = 0;
        for (const auto& child : children)
        {
            const int code = child->wait();
            winners += code == 10 ? 1 : 0;
            failed += code == 10 || code == 0 ? 0 : 1;
        }
        CPPUNIT_ASSERT_EQUAL(0, failed);
        CPPUNIT_ASSERT_EQUAL(1, winners);
        CPPUNIT_ASSERT_EQUAL(std::string(), LockIndex::examine(alias(), operate("GET", "/" + alias()), 0)->problem);
        CPPUNIT_ASSERT_EQUAL(std::size_t{21}, open()->list({}, context()).size());
    }

    void testIndexWithOtherMappingsIsRefusedAndLeftAlone()
    {
        operate("PUT", "/" + index(), R"({"aliases":{")" + alias() + R"(":{}}})");
        operate("PUT", "/" + index() + "/_doc/a?refresh=true", R"({"name":"a"})");
        const auto error = prepareError();
        assertContains(error, index());
        assertContains(error, "to repair it");
        operate("GET", "/" + index() + "/_doc/a");
    }

    void testNewerSchemaIsRefused()
    {
        auto definition = LockIndex::definition(alias(), 0);
        const std::string schema = R"("schema":1)";
        definition.replace(definition.find(schema), schema.size(), R"("schema":2)");
        operate("PUT", "/" + index(), definition);
        assertContains(prepareError(), "newer version");
    }

    void testIndexUnderTheNameOfTheAliasIsRefused()
    {
        operate("PUT", "/" + alias(), "{}");
        assertContains(prepareError(), "an alias is needed");
        const auto store = open();
        CPPUNIT_ASSERT_THROW(acquire(*store, "a", "t"), LockStoreError);
    }

    void testIndexWithoutItsAliasIsToldSo()
    {
        operate("PUT", "/" + index(), "{}");
        const auto error = prepareError();
        assertContains(error, "unavailable");
        assertContains(error, "add the alias");
    }

    void testFailedPrepareIsNotRemembered()
    {
        operate("PUT", "/" + alias(), "{}");
        const auto store = open();
        CPPUNIT_ASSERT_THROW(store->prepare(context()), LockStoreError);
        operate("DELETE", "/" + alias());
        store->prepare(context());
        CPPUNIT_ASSERT(acquire(*store, "a", "t").status == AcquireStatus::granted);
    }

    void testDeletedIndexLosesItsLeasesAndGrantsNothingForATtl()
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

    /// Guards against a repair that copies only documents that happen to be refreshed. Sends each request as it was printed.
    void testPrintedRepairKeepsLeaseAndFence()
    {
        operate("PUT", "/" + index(),
                R"({"settings":{"refresh_interval":"-1","number_of_replicas":0},"aliases":{")" + alias() + R"(":{}}})");
        const auto store = open();
        const auto grant = acquire(*store, "a", "t", 120s);
        CPPUNIT_ASSERT(grant.status == AcquireStatus::granted);

        const auto message = prepareError();
        int requests = 0;
        for (auto at = message.find(" (1) "); at != std::string::npos;)
        {
            ++requests;
            const auto next = message.find(" (" + std::to_string(requests + 1) + ") ", at);
            std::istringstream words(message.substr(at + 5, next - at - 5));
            std::string method, path, body;
            words >> method >> path;
            std::getline(words >> std::ws, body);
            reindexOrOperate(method, path, body);
            requireNotGranted();
            at = next;
        }
        CPPUNIT_ASSERT_EQUAL_MESSAGE(message, 5, requests);

        CPPUNIT_ASSERT_EQUAL(std::string(), prepareError());
        CPPUNIT_ASSERT_EQUAL(404, ask("GET", "/" + index() + "/_alias/" + alias()).status);
        const auto found = open()->find("a", context());
        CPPUNIT_ASSERT(found);
        CPPUNIT_ASSERT_EQUAL(grant.record.fence, found->fence);
        const std::vector<RenewRequest> renewals{{{"a", "t", grant.record.fence}, 30s}};
        CPPUNIT_ASSERT(store->renew(renewals, context()).at(0).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->release(renewals[0].lease, context()).status == ReleaseStatus::released);
    }

    void testWriteBlockIsUnavailable()
    {
        const auto store = open();
        store->prepare(context());
        operate("PUT", "/" + index() + "/_settings", R"({"index.blocks.write":true})");
        assertUnavailable([&] { acquire(*store, "a", "t"); });
        operate("PUT", "/" + index() + "/_settings", R"({"index.blocks.write":false})");
        CPPUNIT_ASSERT(acquire(*store, "a", "t").status == AcquireStatus::granted);
    }

    void testHangingNodeIsUnavailableAndWorksAgain()
    {
        const auto store = open();
        const auto grant = acquire(*store, "a", "t", 60s);
        CPPUNIT_ASSERT(grant.status == AcquireStatus::granted);
        auto& node = sharedEngine(kind());
        node.pause();
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
                // Expected. The node must run again before the test asserts anything.
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

    void testLockSurvivesTheCrashOfTheNode()
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
                    return false; // the node is still recovering the index
                }
            },
            "the index after the restart");
        CPPUNIT_ASSERT(reply.status == AcquireStatus::held);
        CPPUNIT_ASSERT_EQUAL(grant.record.fence, reply.record.fence);
        const std::vector<RenewRequest> requests{{{"a", "t", grant.record.fence}, 30s}};
        CPPUNIT_ASSERT(store->renew(requests, context()).at(0).status == RenewStatus::renewed);
    }
};

class OpenSearch3RecoveryTest : public EngineRecoveryTest
{
    CPPUNIT_TEST_SUB_SUITE(OpenSearch3RecoveryTest, EngineRecoveryTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::openSearch3; }
};

class Elasticsearch7RecoveryTest : public EngineRecoveryTest
{
    CPPUNIT_TEST_SUB_SUITE(Elasticsearch7RecoveryTest, EngineRecoveryTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::elasticsearch7; }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OpenSearch3RecoveryTest);
CPPUNIT_TEST_SUITE_REGISTRATION(Elasticsearch7RecoveryTest);

} // namespace Leasehold
