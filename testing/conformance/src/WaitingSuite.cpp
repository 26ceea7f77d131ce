#include "Leasehold/ConformanceSuite.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// Another process asks for the lock and says that it waits: it is answered "held".
void want(StoreBench& bench, const std::string& name, Milliseconds wantedFor = 10min)
{
    CPPUNIT_ASSERT(bench.acquire(name, "waiter", {.wantedFor = wantedFor}).status == AcquireStatus::held);
}

/// The test fails unless the lease is released as held. Returns whether a process waits for it.
bool isWantedWhenReleased(StoreBench& bench, const LeaseRef& lease)
{
    const auto reply = bench.release(lease);
    CPPUNIT_ASSERT(reply.status == ReleaseStatus::released);
    CPPUNIT_ASSERT(!reply.broken);
    return reply.wanted;
}

/// Whether to test notes of waiters: only a store whose info says so keeps them.
bool tellsWanted(StoreBench& bench)
{
    return bench.store().info().tellsWanted;
}

void addWantedTests(ConformanceSuite& suite)
{
    suite.test("testReleaseOfAWantedLockSaysSo",
               [](StoreBench& bench)
               {
                   if (!tellsWanted(bench))
                       return;
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"host":"web-1"})"});
                   want(bench, "a");
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(isWantedWhenReleased(bench, grant.lease));
                   bench.requireFree("a", "u");
               });

    suite.test("testReleaseOfALockThatNobodyWaitsForIsNotWanted",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   CPPUNIT_ASSERT(!isWantedWhenReleased(bench, first.lease));
                   const auto second = bench.grant("a", "u");
                   const auto other = bench.grant("b", "v");
                   CPPUNIT_ASSERT(bench.acquire("a", "w").status == AcquireStatus::held); // it asks once and does not wait
                   if (tellsWanted(bench))
                       want(bench, "b"); // another lock
                   CPPUNIT_ASSERT(!isWantedWhenReleased(bench, second.lease));
               });

    suite.test("testNoteOfAWaiterSurvivesRenewalsAndARelease",
               [](StoreBench& bench)
               {
                   if (!tellsWanted(bench))
                       return;
                   const auto grant = bench.grant("a", "t");
                   want(bench, "a");
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                   CPPUNIT_ASSERT(isWantedWhenReleased(bench, grant.lease));
                   CPPUNIT_ASSERT_MESSAGE("a release that is sent again answers the same", isWantedWhenReleased(bench, grant.lease));
               });

    suite.test("testGrantToAWaiterErasesItsNote",
               [](StoreBench& bench)
               {
                   if (!tellsWanted(bench))
                       return;
                   const auto grant = bench.grant("a", "t");
                   want(bench, "a");
                   CPPUNIT_ASSERT(isWantedWhenReleased(bench, grant.lease));
                   CPPUNIT_ASSERT(!isWantedWhenReleased(bench, bench.grant("a", "waiter", {.wantedFor = 10min}).lease));
               });

    suite.test("testGrantToAnotherKeepsTheNoteOfAWaiter",
               [](StoreBench& bench)
               {
                   if (!tellsWanted(bench))
                       return;
                   auto grant = bench.grant("a", "t");
                   want(bench, "a");
                   for (const std::string token : {"u", "v", "w"}) // a process that acquires and releases in a loop
                   {
                       CPPUNIT_ASSERT(isWantedWhenReleased(bench, grant.lease));
                       grant = bench.grant("a", token);
                   }
                   CPPUNIT_ASSERT(isWantedWhenReleased(bench, grant.lease));
               });

    suite.test("testWaiterThatDoesNotComeBackIsForgotten",
               [](StoreBench& bench)
               {
                   if (!tellsWanted(bench))
                       return;
                   const auto grant = bench.grant("a", "t");
                   want(bench, "a", 100ms);
                   bench.advance(1s);
                   CPPUNIT_ASSERT(!isWantedWhenReleased(bench, grant.lease));
               });

    suite.test<VirtualTime>("testLockIsWantedAsLongAsItsWaiterComesBackInTime",
                            [](StoreBench& bench, VirtualTime&)
                            {
                                if (!tellsWanted(bench))
                                    return;
                                const auto grant = bench.grant("a", "t");
                                for (int polls = 0; polls < 20; ++polls)
                                {
                                    want(bench, "a", 2s);
                                    bench.advance(1999ms);
                                }
                                CPPUNIT_ASSERT(isWantedWhenReleased(bench, grant.lease));
                            });
}

void addBrokenTests(ConformanceSuite& suite)
{
    suite.test("testBrokenLockIsShownAsBrokenUntilItEnds",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   CPPUNIT_ASSERT(!bench.find("a")->broken);
                   CPPUNIT_ASSERT(!bench.acquire("a", "u").record.broken);
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   CPPUNIT_ASSERT(bench.acquire("a", "u").record.broken);
                   const auto shown = bench.find("a");
                   CPPUNIT_ASSERT(shown && shown->broken);
                   const auto listed = bench.store().list({}, StoreBench::context());
                   CPPUNIT_ASSERT(!listed.empty() && listed.front().broken);
                   bench.letExpire("a");
                   CPPUNIT_ASSERT(!bench.requireFree("a", "u").record.broken);
                   CPPUNIT_ASSERT(!bench.find("a")->broken);
               });

    suite.test("testHolderOfABrokenLockIsToldWhyItLostIt",
               [](StoreBench& bench)
               {
                   for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
                   {
                       const std::string name = mode == BreakMode::now ? "now" : "whenItEnds";
                       const auto grant = bench.grant(name, "t");
                       CPPUNIT_ASSERT(bench.breakLock(name, grant.lease.fence, mode));
                       const auto renewal = bench.renew(grant.lease);
                       CPPUNIT_ASSERT(renewal.status == RenewStatus::lost);
                       CPPUNIT_ASSERT_MESSAGE(name, renewal.broken);
                       const auto release = bench.release(grant.lease);
                       CPPUNIT_ASSERT(release.status == ReleaseStatus::notHeld);
                       CPPUNIT_ASSERT_MESSAGE(name, release.broken);
                   }
               });

    suite.test("testLossByAnotherCauseIsNotToldAsABreak",
               [](StoreBench& bench)
               {
                   const auto requireNotBroken = [&bench](const LeaseRef& lease, ReleaseStatus expected)
                   {
                       const auto renewal = bench.renew(lease);
                       CPPUNIT_ASSERT(renewal.status == RenewStatus::lost && !renewal.broken);
                       const auto release = bench.release(lease);
                       CPPUNIT_ASSERT(release.status == expected && !release.broken);
                   };
                   const auto released = bench.grant("a", "t");
                   CPPUNIT_ASSERT(!isWantedWhenReleased(bench, released.lease));
                   requireNotBroken(released.lease, ReleaseStatus::released);
                   const auto expired = bench.grant("b", "t", {.ttl = bench.shortTtl()});
                   bench.letExpire("b");
                   requireNotBroken(expired.lease, ReleaseStatus::notHeld);
                   requireNotBroken({"c", "t", expired.lease.fence}, ReleaseStatus::notHeld); // never granted
                   // Holders of other leases are not told of this break.
                   const auto broken = bench.grant("d", "t");
                   CPPUNIT_ASSERT(bench.breakLock("d", broken.lease.fence, BreakMode::whenItEnds));
                   requireNotBroken({"d", "u", broken.lease.fence}, ReleaseStatus::notHeld);
                   requireNotBroken({"d", "t", broken.lease.fence - 1}, ReleaseStatus::notHeld);
               });

    suite.test("testBreakThatIsSentAgainSucceedsAgain",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.find("a")->broken);
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::now));
                   bench.requireFree("a", "u");
               });
}

} // namespace

/// Tests what a store tells beside the outcome: that a process waits for a lock, and that a lock was broken.
void addWaitingTests(ConformanceSuite& suite)
{
    suite.layer("waiting");
    addWantedTests(suite);
    addBrokenTests(suite);
}

} // namespace Leasehold
