#include "Leasehold/ConformanceSuite.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/waitUntil.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <chrono>
#include <vector>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

Fence microseconds(StorageTime time)
{
    return static_cast<Fence>(std::chrono::microseconds(time.time_since_epoch()).count());
}

/// Acquires with retries, because after a loss a store may grant nothing for the longest TTL that it was asked for.
Grant grantInTime(StoreBench& bench, const std::string& name, const std::string& token)
{
    AcquireReply reply;
    const bool granted = waitUntil(
        [&]
        {
            try
            {
                reply = bench.acquire(name, token, {.ttl = bench.shortTtl()});
                return reply.status == AcquireStatus::granted;
            }
            catch (const LockStoreUnavailable&)
            {
                bench.advance(10ms);
                return false;
            }
        },
        30s);
    CPPUNIT_ASSERT_MESSAGE("nothing is granted any more", granted);
    return {{name, token, reply.record.fence}, reply.record};
}

bool isRefused(StoreBench& bench, const std::string& name, const std::string& token, Fence floor, Fence spare = 0)
{
    try
    {
        bench.acquire(name, token, {.fenceFloor = floor, .reservedFences = spare});
        return false;
    }
    catch (const LockStoreUnavailable&)
    {
        return false; // a retry would not help
    }
    catch (const LockStoreError&)
    {
        return true;
    }
}

} // namespace

/// Tests that fences only grow, also when their record is lost or replaced.
void addFenceTests(ConformanceSuite& suite)
{
    suite.layer("fence");

    suite.test("testFencesGrowStrictlyHoweverALeaseEnds",
               [](StoreBench& bench)
               {
                   Fence last = 0;
                   for (int round = 0; round < 12; ++round)
                   {
                       const bool expires = round == 3;
                       const auto grant = bench.grant("a", "t" + std::to_string(round), {.ttl = expires ? bench.shortTtl() : 10min});
                       CPPUNIT_ASSERT_MESSAGE(std::to_string(grant.lease.fence) + " is not above " + std::to_string(last),
                                              grant.lease.fence > last);
                       last = grant.lease.fence;
                       if (expires)
                           bench.letExpire("a");
                       else if (round % 3 == 1)
                           CPPUNIT_ASSERT(bench.breakLock("a", last, BreakMode::now));
                       else
                           CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
                   }
               });

    suite.test("testNewFenceIsAnchoredInTheTimeOfDay",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   const auto told = microseconds(grant.record.acquiredAt);
                   const Fence near = 60'000'000; // in microseconds, because the storage may base fences on the client's clock
                   CPPUNIT_ASSERT_MESSAGE("fence " + std::to_string(grant.lease.fence) + " at " + std::to_string(told),
                                          grant.lease.fence + near > told && grant.lease.fence < told + near);
               });

    suite.test("testReplayNeverRaisesTheFence",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   bench.advance(2ms);
                   CPPUNIT_ASSERT_EQUAL(grant.lease.fence, bench.grant("a", "t", {.fenceFloor = grant.lease.fence + 1000}).lease.fence);
                   CPPUNIT_ASSERT_EQUAL(grant.lease.fence, bench.grant("a", "t", {.ttl = 20min}).lease.fence);
                   CPPUNIT_ASSERT_EQUAL(grant.lease.fence, bench.find("a")->fence);
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
               });

    suite.test("testFloorLiftsTheFence",
               [](StoreBench& bench)
               {
                   const auto now = bench.grant("other", "t").lease.fence;
                   const Fence hour = 3'600'000'000;
                   const auto lifted = bench.grant("a", "t", {.fenceFloor = now + hour});
                   CPPUNIT_ASSERT_EQUAL(now + hour + 1, lifted.lease.fence);
                   bench.release(lifted.lease);
                   const auto next = bench.grant("a", "u", {.fenceFloor = 5});
                   CPPUNIT_ASSERT_EQUAL(lifted.lease.fence + 1, next.lease.fence);
                   bench.release(next.lease);
                   CPPUNIT_ASSERT_EQUAL(next.lease.fence + hour + 1,
                                        bench.grant("a", "v", {.fenceFloor = next.lease.fence + hour}).lease.fence);
               });

    // A store whose info has no reservesFences gets no such request.
    suite.test("testFencesThatAGrantSparesAreNoOtherGrants",
               [](StoreBench& bench)
               {
                   if (!bench.store().info().reservesFences)
                       return;
                   const auto before = bench.grant("a", "t");
                   bench.release(before.lease);
                   const Fence hour = 3'600'000'000;
                   const auto floor = before.lease.fence + hour; // far ahead of any clock
                   const Wish wish{.fenceFloor = floor, .reservedFences = 1000};
                   const auto grant = bench.grant("a", "u", wish);
                   CPPUNIT_ASSERT_EQUAL(floor + 1 + 1000, grant.lease.fence);
                   CPPUNIT_ASSERT_EQUAL(grant.lease.fence, bench.grant("a", "u", wish).lease.fence);
                   CPPUNIT_ASSERT_EQUAL(grant.lease.fence, bench.find("a")->fence);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
                   CPPUNIT_ASSERT_EQUAL(grant.lease.fence + 1, bench.grant("a", "v").lease.fence);
                   CPPUNIT_ASSERT(isRefused(bench, "b", "t", maxFence - 5, 5));
                   CPPUNIT_ASSERT(!bench.find("b"));
                   CPPUNIT_ASSERT_EQUAL(maxFence, bench.grant("b", "u", {.fenceFloor = maxFence - 6, .reservedFences = 5}).lease.fence);
               });

    suite.test("testFenceAtItsLimitIsNeverPassed",
               [](StoreBench& bench)
               {
                   const auto last = bench.grant("a", "t", {.fenceFloor = maxFence - 1});
                   CPPUNIT_ASSERT_EQUAL(maxFence, last.lease.fence);
                   CPPUNIT_ASSERT(bench.renewStatus(last.lease) == RenewStatus::renewed);
                   CPPUNIT_ASSERT_EQUAL(maxFence, bench.find("a")->fence);
                   CPPUNIT_ASSERT(bench.release(last.lease).status == ReleaseStatus::released);
                   CPPUNIT_ASSERT_MESSAGE("a grant beyond the greatest fence", isRefused(bench, "a", "u", 0));
                   CPPUNIT_ASSERT(!bench.find("a"));
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent); // nothing changed
                   CPPUNIT_ASSERT(isRefused(bench, "absent", "t", maxFence));
                   CPPUNIT_ASSERT(!bench.find("absent"));
               });

    suite.test("testFencesOfDifferentLocksAreTheirOwn",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   const Fence hour = 3'600'000'000;
                   bench.grant("b", "t", {.fenceFloor = first.lease.fence + hour});
                   bench.release(first.lease);
                   CPPUNIT_ASSERT(bench.grant("a", "u").lease.fence < first.lease.fence + hour);
               });

    suite.test("testForgottenLockStartsAgainAboveItsLastFence",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   bench.release(first.lease);
                   bench.advance(bench.shortTtl() * 2);
                   CPPUNIT_ASSERT_EQUAL(std::size_t{1}, bench.pruneAll(bench.shortTtl()));
                   CPPUNIT_ASSERT(bench.grant("a", "u").lease.fence > first.lease.fence);
               });

    suite.test<WallClockSteps>("testFencesGrowWhileTheWallClockGoesBack",
                               [](StoreBench& bench, WallClockSteps& wall)
                               {
                                   Fence last = 0;
                                   for (int round = 0; round < 4; ++round)
                                   {
                                       const auto grant = bench.grant("a", "t" + std::to_string(round));
                                       CPPUNIT_ASSERT(grant.lease.fence > last);
                                       last = grant.lease.fence;
                                       bench.release(grant.lease);
                                       wall.stepWallClock(-1h);
                                   }
                               });

    suite.test<WallClockSteps>("testNothingIsForgottenWhoseFenceTheWallClockWouldGiveAgain",
                               [](StoreBench& bench, WallClockSteps& wall)
                               {
                                   const auto first = bench.grant("a", "t");
                                   bench.release(first.lease);
                                   bench.advance(bench.shortTtl() * 2);
                                   wall.stepWallClock(-1h);
                                   CPPUNIT_ASSERT_EQUAL(std::size_t{0}, bench.pruneAll(bench.shortTtl()));
                                   CPPUNIT_ASSERT(bench.grant("a", "u").lease.fence > first.lease.fence);
                               });

    suite.test<StorageRestart>("testRestartForgetsNothing",
                               [](StoreBench& bench, StorageRestart& storage)
                               {
                                   const auto live = bench.grant("live", "t", {.metadata = R"({"host":"web-1"})"});
                                   const Fence hour = 3'600'000'000;
                                   const auto released = bench.grant("released", "t", {.fenceFloor = live.lease.fence + hour});
                                   bench.release(released.lease);
                                   storage.restartStorage();
                                   bench.requireUnchanged(live.record, bench.harness().restartProlongs());
                                   CPPUNIT_ASSERT(bench.acquire("live", "u").status == AcquireStatus::held);
                                   CPPUNIT_ASSERT(bench.renewStatus(live.lease) == RenewStatus::renewed);
                                   CPPUNIT_ASSERT(bench.acquire("released", "t").status == AcquireStatus::spent);
                                   CPPUNIT_ASSERT(bench.release(released.lease).status == ReleaseStatus::released);
                                   CPPUNIT_ASSERT(bench.grant("released", "u").lease.fence > released.lease.fence);
                               });

    suite.test<StorageLoss>("testFencesGrowAcrossAStorageThatLostEverything",
                            [](StoreBench& bench, StorageLoss& storage)
                            {
                                const auto released = bench.grant("released", "t", {.ttl = bench.shortTtl()});
                                bench.release(released.lease);
                                const auto live = bench.grant("live", "t", {.ttl = bench.shortTtl()});
                                storage.emptyStorage();
                                bench.advance(bench.shortTtl());
                                CPPUNIT_ASSERT(grantInTime(bench, "released", "u").lease.fence > released.lease.fence);
                                CPPUNIT_ASSERT(grantInTime(bench, "live", "u").lease.fence > live.lease.fence);
                            });

    suite.test<StorageBackup>("testFencesGrowAcrossABackupThatIsRestored",
                              [](StoreBench& bench, StorageBackup& storage)
                              {
                                  const auto before = bench.grant("a", "t", {.ttl = bench.shortTtl()});
                                  bench.release(before.lease);
                                  storage.backUp();
                                  bench.advance(2ms);
                                  const auto after = bench.grant("a", "u", {.ttl = bench.shortTtl()});
                                  bench.release(after.lease);
                                  bench.close();
                                  storage.restoreBackup();
                                  bench.reopen();
                                  bench.advance(bench.shortTtl());
                                  CPPUNIT_ASSERT(grantInTime(bench, "a", "v").lease.fence > after.lease.fence);
                              });
}

} // namespace Leasehold
