#include "Leasehold/ConformanceSuite.h"
#include "Leasehold/Exceptions.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <functional>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// Runs `work(number)` in so many threads that begin together. If one throws, throws its exception.
void inThreads(unsigned count, const std::function<void(unsigned)>& work)
{
    std::latch start(count);
    std::mutex mutex;
    std::exception_ptr thrown;
    {
        std::vector<std::jthread> threads;
        for (unsigned number = 0; number < count; ++number)
            threads.emplace_back(
                [&, number]
                {
                    start.arrive_and_wait();
                    try
                    {
                        work(number);
                    }
                    catch (...)
                    {
                        const std::lock_guard guard(mutex);
                        thrown = std::current_exception();
                    }
                });
    }
    if (thrown)
        std::rethrow_exception(thrown);
}

/// Sends a request, and retries it when the storage is unavailable: it may refuse too many requests at once.
AcquireReply acquire(LockStore& store, const std::string& name, const std::string& token)
{
    for (int tries = 1;; ++tries)
    {
        try
        {
            return store.acquire({name, token, StoreBench::longTtl, "{}", 0}, StoreBench::context());
        }
        catch (const LockStoreUnavailable&)
        {
            if (tries == 20)
                throw;
        }
    }
}

/// What the holders of one lock observe.
struct Contended
{
    std::string name{};
    std::atomic<int> holders{0};
    Fence last = 0; // only the tested lock guards it
    int grants = 0; // the same
};

} // namespace

/// Tests many threads on two views of the storage, without a mutex between them.
void addThreadTests(ConformanceSuite& suite)
{
    suite.layer("threads");

    suite.test("testOfManyThreadsThatRaceForALockOneGetsIt",
               [](StoreBench& bench)
               {
                   const std::array<LockStore*, 2> views{&bench.store(), &bench.store()};
                   for (int round = 0; round < 8; ++round)
                   {
                       const std::string name = "a" + std::to_string(round);
                       std::atomic<int> granted{0}, held{0};
                       std::atomic<Fence> winner{0}, told{0};
                       inThreads(12,
                                 [&](unsigned number)
                                 {
                                     const auto reply = acquire(*views[number % 2], name, "t" + std::to_string(number));
                                     if (reply.status == AcquireStatus::granted)
                                         ++granted, winner = reply.record.fence;
                                     else if (reply.status == AcquireStatus::held)
                                         ++held, told = reply.record.fence;
                                 });
                       CPPUNIT_ASSERT_EQUAL(1, granted.load());
                       CPPUNIT_ASSERT_EQUAL(11, held.load());
                       CPPUNIT_ASSERT_EQUAL(winner.load(), told.load());
                   }
               });

    suite.test("testLocksExcludeAndFencesGrowUnderContention",
               [](StoreBench& bench)
               {
                   const std::array<LockStore*, 2> views{&bench.store(), &bench.store()};
                   std::array<Contended, 2> locks;
                   locks[0].name = "first";
                   locks[1].name = "second";
                   std::atomic<int> overlaps{0}, regressions{0}, lost{0}, grants{0};
                   inThreads(8,
                             [&](unsigned number)
                             {
                                 auto& store = *views[number % 2];
                                 auto& lock = locks[number / 2 % 2];
                                 for (int attempt = 0; attempt < 60; ++attempt)
                                 {
                                     const auto token = std::to_string(number) + "-" + std::to_string(attempt);
                                     const auto reply = acquire(store, lock.name, token);
                                     if (reply.status != AcquireStatus::granted)
                                     {
                                         std::this_thread::yield();
                                         continue;
                                     }
                                     const LeaseRef lease{lock.name, token, reply.record.fence};
                                     if (lock.holders.fetch_add(1) != 0)
                                         ++overlaps;
                                     else // only the holder may be here; two holders would also be a data race, which TSan reports
                                     {
                                         regressions += lease.fence > lock.last ? 0 : 1;
                                         lock.last = lease.fence;
                                         ++lock.grants;
                                     }
                                     const std::vector<RenewRequest> requests{{lease, StoreBench::longTtl}};
                                     lost += store.renew(requests, StoreBench::context()).at(0).status == RenewStatus::renewed ? 0 : 1;
                                     lock.holders.fetch_sub(1);
                                     lost += store.release(lease, StoreBench::context()).status == ReleaseStatus::released ? 0 : 1;
                                     ++grants;
                                 }
                             });
                   CPPUNIT_ASSERT_EQUAL(0, overlaps.load());
                   CPPUNIT_ASSERT_EQUAL(0, regressions.load());
                   CPPUNIT_ASSERT_EQUAL(0, lost.load());
                   CPPUNIT_ASSERT(grants.load() >= 2);
                   CPPUNIT_ASSERT_EQUAL(grants.load(), locks[0].grants + locks[1].grants);
               });

    suite.test("testSameRequestFromManyThreadsIsOneGrant",
               [](StoreBench& bench)
               {
                   const std::array<LockStore*, 2> views{&bench.store(), &bench.store()};
                   std::vector<Fence> fences(8);
                   inThreads(8,
                             [&](unsigned number)
                             {
                                 const auto reply = acquire(*views[number % 2], "a", "t");
                                 CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
                                 fences[number] = reply.record.fence;
                             });
                   CPPUNIT_ASSERT(std::ranges::count(fences, fences.front()) == 8);
                   CPPUNIT_ASSERT(bench.renewStatus({"a", "t", fences.front()}) == RenewStatus::renewed);
               });

    suite.test("testReleaseFromManyThreadsIsReleasedForAll",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   const std::array<LockStore*, 2> views{&bench.store(), &bench.store()};
                   std::atomic<int> released{0};
                   inThreads(8,
                             [&](unsigned number)
                             {
                                 if (views[number % 2]->release(grant.lease, StoreBench::context()).status == ReleaseStatus::released)
                                     ++released;
                             });
                   CPPUNIT_ASSERT_EQUAL(8, released.load());
                   bench.requireFree("a", "u");
               });

    suite.test("testDistinctLocksDoNotHinderEachOther",
               [](StoreBench& bench)
               {
                   const std::array<LockStore*, 2> views{&bench.store(), &bench.store()};
                   std::atomic<int> granted{0}, released{0};
                   inThreads(
                       8,
                       [&](unsigned number)
                       {
                           for (int round = 0; round < 10; ++round)
                           {
                               const auto name = "n" + std::to_string(number);
                               const auto token = "t" + std::to_string(round);
                               const auto reply = acquire(*views[number % 2], name, token);
                               granted += reply.status == AcquireStatus::granted ? 1 : 0;
                               const auto end = views[(number + 1) % 2]->release({name, token, reply.record.fence}, StoreBench::context());
                               released += end.status == ReleaseStatus::released ? 1 : 0;
                           }
                       });
                   CPPUNIT_ASSERT_EQUAL(80, granted.load());
                   CPPUNIT_ASSERT_EQUAL(80, released.load());
               });

    suite.test("testListAndPruneUnderLoadHarmNobody",
               [](StoreBench& bench)
               {
                   const std::array<LockStore*, 2> views{&bench.store(), &bench.store()};
                   const auto kept = bench.grant("kept", "t");
                   std::atomic<int> wrong{0};
                   inThreads(6,
                             [&](unsigned number)
                             {
                                 auto& store = *views[number % 2];
                                 for (int round = 0; round < 10; ++round)
                                 {
                                     if (number == 0)
                                     {
                                         const auto listed = store.list({.prefix = "kept"}, StoreBench::context());
                                         wrong += listed.size() == 1 && listed.front().fence == kept.lease.fence ? 0 : 1;
                                         continue;
                                     }
                                     if (number == 1)
                                     {
                                         store.prune(1ms, StoreBench::context());
                                         continue;
                                     }
                                     const auto name = "n" + std::to_string(number);
                                     const auto token = "t" + std::to_string(round);
                                     const auto reply = acquire(store, name, token);
                                     wrong += reply.status == AcquireStatus::granted ? 0 : 1;
                                     wrong += store.release({name, token, reply.record.fence}, StoreBench::context()).status ==
                                                      ReleaseStatus::released
                                                  ? 0
                                                  : 1;
                                 }
                             });
                   CPPUNIT_ASSERT_EQUAL(0, wrong.load());
                   bench.requireUnchanged(kept.record);
               });
}

} // namespace Leasehold
