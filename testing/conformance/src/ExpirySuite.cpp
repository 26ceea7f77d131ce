#include "Leasehold/ConformanceSuite.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <algorithm>

namespace Leasehold
{

using namespace std::chrono_literals;

/// Tests when a lease ends, and by which clock.
void addExpiryTests(ConformanceSuite& suite)
{
    suite.layer("expiry");

    suite.test("testExpiredLockGoesToItsSuccessor",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t", {.ttl = bench.shortTtl(), .metadata = R"({"n":1})"});
                   bench.letExpire("a");
                   const auto second = bench.grant("a", "u", {.metadata = R"({"n":2})"});
                   CPPUNIT_ASSERT(second.lease.fence > first.lease.fence);
                   CPPUNIT_ASSERT_EQUAL(std::string(R"({"n":2})"), second.record.metadata);
                   CPPUNIT_ASSERT(second.record.acquiredAt + bench.slack() >= first.record.expiresAt);
                   bench.requireUnchanged(second.record);
                   CPPUNIT_ASSERT(bench.renewStatus(second.lease) == RenewStatus::renewed);
                   CPPUNIT_ASSERT(bench.release(second.lease).status == ReleaseStatus::released);
               });

    suite.test("testExpiredLeaseIsNotRenewed",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   bench.letExpire("a");
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                   bench.requireFree("a", "u");
               });

    suite.test("testExpiredLeaseIsNotReleased",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   bench.letExpire("a");
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
               });

    suite.test("testExpiredLeaseIsNotBroken",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   bench.letExpire("a");
                   for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
                       CPPUNIT_ASSERT(!bench.breakLock("a", grant.lease.fence, mode));
                   bench.requireFree("a", "u");
               });

    suite.test("testDuplicateAcquireAfterExpiryIsSpent",
               [](StoreBench& bench)
               {
                   bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   bench.letExpire("a");
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
                   CPPUNIT_ASSERT(!bench.find("a"));
                   bench.grant("a", "u");
               });

    suite.test("testRenewedLeaseOutlivesItsFirstEnd",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease, StoreBench::longTtl) == RenewStatus::renewed);
                   bench.advance(bench.shortTtl() * 2);
                   CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
               });

    suite.test("testFailedAcquireDoesNotProlongTheLease",
               [](StoreBench& bench)
               {
                   bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                   const auto found = bench.find("a");
                   CPPUNIT_ASSERT(!found || found->remaining <= bench.shortTtl());
                   bench.letExpire("a");
                   bench.grant("a", "v");
               });

    suite.test("testListAndPruneKnowAnExpiredLockAsDead",
               [](StoreBench& bench)
               {
                   bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   const auto live = bench.grant("b", "t");
                   bench.letExpire("a");
                   const auto listed = bench.store().list({}, StoreBench::context());
                   CPPUNIT_ASSERT_EQUAL(std::size_t{1}, listed.size());
                   bench.requireSame(live.record, listed.front());
                   bench.advance(bench.shortTtl() * 2);
                   if (bench.harness().prunesInTwoSteps())
                   {
                       CPPUNIT_ASSERT_EQUAL(std::size_t{0}, bench.pruneAll(bench.shortTtl()));
                       bench.advance(bench.shortTtl() * 2);
                   }
                   CPPUNIT_ASSERT_EQUAL(std::size_t{1}, bench.pruneAll(bench.shortTtl()));
                   bench.requireUnchanged(live.record);
               });

    suite.test<VirtualTime>("testLeaseIsHeldUntilItsLastMomentAndNoLonger",
                            [](StoreBench& bench, VirtualTime&)
                            {
                                const auto granule = bench.store().info().ttlGranularity;
                                const auto ttl = bench.shortTtl();
                                const auto grant = bench.grant("a", "t", {.ttl = ttl});
                                bench.advance(ttl - granule);
                                CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                                CPPUNIT_ASSERT(bench.find("a") && bench.find("a")->remaining > 0ms);
                                CPPUNIT_ASSERT(bench.find("a")->remaining <= granule);
                                bench.advance(granule);
                                CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                                bench.requireFree("a", "u");
                            });

    suite.test<VirtualTime>("testTtlIsNotCutToWholeSeconds",
                            [](StoreBench& bench, VirtualTime&)
                            {
                                const auto granule = bench.store().info().ttlGranularity;
                                const auto ttl = std::max<Milliseconds>(1900ms, bench.store().info().minTtl) / granule * granule;
                                const auto grant = bench.grant("a", "t", {.ttl = ttl});
                                CPPUNIT_ASSERT_EQUAL(ttl.count(), grant.record.ttl.count());
                                bench.advance(ttl - granule);
                                CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                                CPPUNIT_ASSERT_EQUAL(ttl.count(), bench.renew(grant.lease, ttl).remaining.count());
                                bench.advance(ttl - granule);
                                CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                                bench.advance(granule);
                                bench.requireFree("a", "u");
                            });

    suite.test<VirtualTime>("testEachRenewalCountsFromItsOwnMoment",
                            [](StoreBench& bench, VirtualTime&)
                            {
                                const auto granule = bench.store().info().ttlGranularity;
                                const auto ttl = bench.shortTtl();
                                const auto grant = bench.grant("a", "t", {.ttl = ttl});
                                for (int renewal = 0; renewal < 5; ++renewal)
                                {
                                    bench.advance(ttl - granule);
                                    CPPUNIT_ASSERT(bench.renewStatus(grant.lease, ttl) == RenewStatus::renewed);
                                }
                                bench.advance(ttl - granule);
                                CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                                bench.advance(granule);
                                bench.requireFree("a", "u");
                            });

    suite.test<VirtualTime>("testReplayedAcquireCountsFromItsOwnMoment",
                            [](StoreBench& bench, VirtualTime&)
                            {
                                const auto ttl = bench.shortTtl();
                                bench.grant("a", "t", {.ttl = ttl});
                                bench.advance(ttl / 2);
                                CPPUNIT_ASSERT(bench.grant("a", "t", {.ttl = ttl}).record.remaining == ttl);
                                bench.advance(ttl - bench.store().info().ttlGranularity);
                                CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                            });

    suite.test<VirtualTime>("testWhatRemainsIsToldByTheStoragesClock",
                            [](StoreBench& bench, VirtualTime&)
                            {
                                const auto ttl = bench.shortTtl();
                                bench.grant("a", "t", {.ttl = ttl});
                                bench.advance(ttl / 2);
                                CPPUNIT_ASSERT(bench.find("a")->remaining == ttl - ttl / 2);
                                CPPUNIT_ASSERT(bench.acquire("a", "u").record.remaining == ttl - ttl / 2);
                                CPPUNIT_ASSERT(bench.store().list({}, StoreBench::context()).at(0).remaining == ttl - ttl / 2);
                            });

    suite.test<VirtualTime>("testLockIsKeptForADayWhenThatIsItsTtl",
                            [](StoreBench& bench, VirtualTime&)
                            {
                                const auto grant = bench.grant("a", "t", {.ttl = 24h});
                                bench.advance(24h - 1s);
                                CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                                CPPUNIT_ASSERT(bench.renewStatus(grant.lease, 24h) == RenewStatus::renewed);
                                bench.advance(24h - 1s);
                                CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                                bench.advance(1s);
                                bench.requireFree("a", "u");
                            });

    suite.test<VirtualTime, HostReboot>("testLeaseOutlivesARestartOfTheHostButNotItsTtl",
                                        [](StoreBench& bench, VirtualTime&, HostReboot& host)
                                        {
                                            const auto ttl = bench.shortTtl();
                                            const auto grant = bench.grant("a", "t", {.ttl = ttl});
                                            bench.close();
                                            host.rebootHost(ttl / 3);
                                            bench.reopen();
                                            CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                                            CPPUNIT_ASSERT(bench.find("a")->remaining <= ttl - ttl / 3);
                                            CPPUNIT_ASSERT(bench.renewStatus(grant.lease, ttl) == RenewStatus::renewed);
                                            bench.advance(ttl);
                                            CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                                            CPPUNIT_ASSERT(bench.requireFree("a", "u").lease.fence > grant.lease.fence);
                                        });

    suite.test<VirtualTime, HostReboot>("testLeaseThatEndedWhileTheHostWasAwayIsFree",
                                        [](StoreBench& bench, VirtualTime&, HostReboot& host)
                                        {
                                            const auto ttl = bench.shortTtl();
                                            const auto grant = bench.grant("a", "t", {.ttl = ttl});
                                            bench.close();
                                            host.rebootHost(ttl);
                                            bench.reopen();
                                            CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                                            CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
                                            CPPUNIT_ASSERT(bench.requireFree("a", "u").lease.fence > grant.lease.fence);
                                        });

    suite.test<VirtualTime, HostReboot, WallClockSteps>("testWallClockThatIsWrongAfterARestartOfTheHostKeepsALeaseForItsTtlAtMost",
                                                        [](StoreBench& bench, VirtualTime&, HostReboot& host, WallClockSteps& wall)
                                                        {
                                                            const auto ttl = bench.shortTtl();
                                                            const auto grant = bench.grant("a", "t", {.ttl = ttl});
                                                            bench.close();
                                                            host.rebootHost(1s);
                                                            wall.stepWallClock(-24h);
                                                            bench.reopen();
                                                            CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                                                            CPPUNIT_ASSERT(bench.find("a")->remaining <= ttl);
                                                            bench.advance(ttl);
                                                            CPPUNIT_ASSERT(bench.requireFree("a", "u").lease.fence > grant.lease.fence);
                                                        });

    for (const auto step : {Milliseconds{1h}, Milliseconds{-1h}})
        suite.test<VirtualTime, WallClockSteps>(step > 0ms ? "testWallClockSteppedForwardFreesNothing"
                                                           : "testWallClockSteppedBackProlongsNothing",
                                                [step](StoreBench& bench, VirtualTime&, WallClockSteps& wall)
                                                {
                                                    const auto ttl = bench.shortTtl();
                                                    const auto grant = bench.grant("a", "t", {.ttl = ttl});
                                                    wall.stepWallClock(step);
                                                    CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                                                    CPPUNIT_ASSERT(bench.find("a") && bench.find("a")->remaining == ttl);
                                                    CPPUNIT_ASSERT(bench.renewStatus(grant.lease, ttl) == RenewStatus::renewed);
                                                    bench.advance(ttl);
                                                    CPPUNIT_ASSERT(bench.requireFree("a", "u").lease.fence > grant.lease.fence);
                                                });
}

} // namespace Leasehold
