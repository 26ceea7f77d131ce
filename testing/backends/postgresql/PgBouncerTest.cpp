#include "PgBouncer.h"
#include "PostgreSQLFixture.h"

#include "Leasehold/Store/ReleaseFeed.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <thread>
#include <vector>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The store through pgbouncer in transaction mode.
class PgBouncerTest : public PostgreSQLFixture
{
    CPPUNIT_TEST_SUITE(PgBouncerTest);
    CPPUNIT_TEST(testAllVerbsWorkThroughThePooler);
    CPPUNIT_TEST(testRacingThreadsExcludeEachOther);
    CPPUNIT_TEST(testPoolerThatWasNotConfiguredIsNamed);
    CPPUNIT_TEST(testThereIsNoFeed);
    CPPUNIT_TEST(testServerThatIsAwayIsUnavailableAtTheDeadline);
    CPPUNIT_TEST_SUITE_END();

    static PgBouncer& pooler()
    {
        static PgBouncer shared(server());
        return shared;
    }

    PostgreSQLOptions pooled() const
    {
        auto result = options();
        result.hosts = {"127.0.0.1:" + std::to_string(pooler().port())};
        result.pooler = PostgreSQLPooler::transaction;
        return result;
    }

public:
    void testAllVerbsWorkThroughThePooler()
    {
        const auto first = open(pooled()), second = open(pooled());
        const auto lease = grant(*first, "a");
        CPPUNIT_ASSERT(acquire(*second, "a", "u").status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*second, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, second->list({}, context()).size());
        CPPUNIT_ASSERT(second->release(lease, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(first->breakLock("b", grant(*first, "b").fence, BreakMode::now, context()));
        first->prune(1h, context());
    }

    void testRacingThreadsExcludeEachOther()
    {
        const auto first = open(pooled()), second = open(pooled());
        std::atomic<int> holders{0}, overlaps{0}, grants{0};
        {
            std::vector<std::jthread> crew;
            for (int number = 0; number < 16; ++number)
                crew.emplace_back(
                    [&, number]
                    {
                        auto& store = number % 2 == 0 ? *first : *second;
                        for (int round = 0; round < 200; ++round)
                        {
                            const auto token = std::to_string(number) + "-" + std::to_string(round);
                            const auto reply = acquire(store, "a", token);
                            if (reply.status != AcquireStatus::granted)
                                continue;
                            overlaps += holders++ == 0 ? 0 : 1;
                            ++grants;
                            --holders;
                            store.release({"a", token, reply.record.fence}, context());
                        }
                    });
        }
        CPPUNIT_ASSERT_EQUAL(0, overlaps.load());
        CPPUNIT_ASSERT(grants.load() > 10);
    }

    void testPoolerThatWasNotConfiguredIsNamed()
    {
        auto direct = pooled();
        direct.pooler = PostgreSQLPooler::none;
        assertSays(error([&] { open(direct); }), "set pooler = transaction");
    }

    void testThereIsNoFeed()
    {
        class Sink : public ReleaseSink
        {
            void watching(const std::string&) override {}
            void mayBeFree(const std::string&) override {}
            void lost(std::span<const LeaseRef>) override {}
            void deaf(const std::string&) override {}
        } sink;
        CPPUNIT_ASSERT(!PostgreSQLLockStore(pooled()).releaseFeed(sink));
    }

    void testServerThatIsAwayIsUnavailableAtTheDeadline()
    {
        const auto store = open(pooled());
        const auto lease = grant(*store, "a");
        server().kill();
        const auto began = std::chrono::steady_clock::now();
        const RenewRequest request{lease, longTtl};
        unavailability([&] { store->renew({&request, 1}, CallContext::within(1s)); });
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began < 5s);
        server().restart();
        until("the pooler has noticed",
              [&]
              {
                  try
                  {
                      return renew(*store, lease).status == RenewStatus::renewed;
                  }
                  catch (const LockStoreUnavailable&)
                  {
                      return false;
                  }
              });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PgBouncerTest);

} // namespace Leasehold
