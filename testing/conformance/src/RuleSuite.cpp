#include "Leasehold/ConformanceSuite.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

bool isNear(Milliseconds expected, Milliseconds actual, Milliseconds slack)
{
    return actual <= expected + slack && actual >= expected - slack;
}

void addAcquireTests(ConformanceSuite& suite)
{
    suite.test("testAFreeLockIsGrantedAsItWasAskedFor",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"host":"web-1"})"});
                   CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1"})"), grant.record.metadata);
                   CPPUNIT_ASSERT(grant.record.ttl == StoreBench::longTtl);
                   CPPUNIT_ASSERT(isNear(StoreBench::longTtl, grant.record.remaining, bench.slack()));
                   CPPUNIT_ASSERT(isNear(StoreBench::longTtl, grant.record.expiresAt - grant.record.acquiredAt, bench.slack()));
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testAReleasedLockIsGrantedAnewToAnotherToken",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t", {.metadata = R"({"n":1})"});
                   CPPUNIT_ASSERT(bench.release(first.lease) == ReleaseStatus::released);
                   const auto second = bench.grant("a", "u", {.ttl = 5min, .metadata = R"({"n":2})"});
                   CPPUNIT_ASSERT(second.lease.fence > first.lease.fence);
                   CPPUNIT_ASSERT_EQUAL(std::string(R"({"n":2})"), second.record.metadata);
                   CPPUNIT_ASSERT(second.record.ttl == 5min);
                   bench.requireUnchanged(second.record);
                   CPPUNIT_ASSERT(bench.renewStatus(second.lease) == RenewStatus::renewed);
               });

    suite.test("testAReplayedAcquireGetsTheSameGrant",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t", {.metadata = R"({"first":true})"});
                   const auto again = bench.grant("a", "t", {.metadata = R"({"first":true})"});
                   CPPUNIT_ASSERT_EQUAL(first.lease.fence, again.lease.fence);
                   CPPUNIT_ASSERT(bench.renewStatus(first.lease) == RenewStatus::renewed);
               });

    suite.test("testAReplayedAcquireKeepsTheMetadataAsFirstGiven",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t", {.metadata = R"({"first":true})"});
                   const auto again = bench.grant("a", "t", {.metadata = R"({"first":false})"});
                   CPPUNIT_ASSERT_EQUAL(first.record.metadata, again.record.metadata);
                   CPPUNIT_ASSERT_EQUAL(first.record.metadata, bench.find("a")->metadata);
                   CPPUNIT_ASSERT(std::chrono::abs(first.record.acquiredAt - again.record.acquiredAt) <= bench.slack());
               });

    suite.test("testAReplayedAcquireLengthensTheLeaseAndNeverShortensIt",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   const auto longer = bench.grant("a", "t", {.ttl = StoreBench::longTtl * 2});
                   CPPUNIT_ASSERT(isNear(StoreBench::longTtl * 2, longer.record.remaining, bench.slack()));
                   CPPUNIT_ASSERT(longer.record.expiresAt > first.record.expiresAt + 5min);
                   const auto shorter = bench.grant("a", "t", {.ttl = 1min});
                   CPPUNIT_ASSERT(shorter.record.remaining > StoreBench::longTtl);
                   CPPUNIT_ASSERT(std::chrono::abs(shorter.record.expiresAt - longer.record.expiresAt) <= bench.slack());
                   CPPUNIT_ASSERT(bench.find("a")->remaining > StoreBench::longTtl);
               });

    suite.test("testALiveLockIsHeldAndItsHolderTold",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"host":"web-1"})"});
                   const auto reply = bench.acquire("a", "u", {.ttl = 20min, .metadata = R"({"host":"web-2"})"});
                   CPPUNIT_ASSERT(reply.status == AcquireStatus::held);
                   bench.requireSame(grant.record, reply.record);
                   CPPUNIT_ASSERT(reply.record.remaining > 0ms && reply.record.remaining <= StoreBench::longTtl);
               });

    suite.test("testAFailedAcquireChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"host":"web-1"})"});
                   for (const auto ttl : {Milliseconds{1s}, Milliseconds{20min}})
                       CPPUNIT_ASSERT(
                           bench.acquire("a", "u", {.ttl = ttl, .metadata = R"({"host":"web-2"})", .fenceFloor = grant.lease.fence + 1000})
                               .status == AcquireStatus::held);
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                   CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::released);
               });

    suite.test("testADuplicateOfAReleasedAcquireIsSpent",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.release(bench.grant("a", "t").lease) == ReleaseStatus::released);
                   const auto reply = bench.acquire("a", "t");
                   CPPUNIT_ASSERT(reply.status == AcquireStatus::spent);
                   CPPUNIT_ASSERT_EQUAL(std::string("a"), reply.record.name);
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
                   bench.requireFree("a", "u");
               });

    suite.test<ClockAhead>("testALeaseLongerThanItsTtlIsCutWhenAnotherAsks",
                           [](StoreBench& bench, ClockAhead& clock)
                           {
                               const auto grant = bench.grant("a", "t");
                               clock.pretendClockWasAhead("a", 1h);
                               const auto reply = bench.acquire("a", "u");
                               CPPUNIT_ASSERT(reply.status == AcquireStatus::held);
                               CPPUNIT_ASSERT(reply.record.remaining <= StoreBench::longTtl + bench.slack());
                               CPPUNIT_ASSERT(bench.find("a")->remaining <= StoreBench::longTtl + bench.slack());
                               CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                               CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                           });

    suite.test<ClockAhead>("testABrokenLeaseLongerThanItsTtlIsCutAndNotGrantedToItsOldToken",
                           [](StoreBench& bench, ClockAhead& clock)
                           {
                               const auto grant = bench.grant("a", "t");
                               CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                               clock.pretendClockWasAhead("a", 1h);
                               const auto reply = bench.acquire("a", "t");
                               CPPUNIT_ASSERT(reply.status == AcquireStatus::held);
                               CPPUNIT_ASSERT(reply.record.remaining <= StoreBench::longTtl + bench.slack());
                           });
}

void addRenewTests(ConformanceSuite& suite)
{
    suite.test("testARenewalLastsFromNowForItsTtl",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto ttl : {Milliseconds{20min}, Milliseconds{5min}}) // the second one shortens
                   {
                       const auto reply = bench.renew(grant.lease, ttl);
                       CPPUNIT_ASSERT(reply.status == RenewStatus::renewed);
                       CPPUNIT_ASSERT(isNear(ttl, reply.remaining, bench.slack()));
                       const auto found = bench.find("a");
                       CPPUNIT_ASSERT(found && found->ttl == ttl);
                       CPPUNIT_ASSERT(found->remaining <= ttl && found->remaining > ttl - 4min);
                   }
               });

    suite.test("testARenewalKeepsFenceMetadataAndTimeOfTheGrant",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"host":"web-1"})"});
                   bench.advance(1ms);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                   const auto found = bench.find("a");
                   CPPUNIT_ASSERT(found.has_value());
                   CPPUNIT_ASSERT_EQUAL(grant.record.fence, found->fence);
                   CPPUNIT_ASSERT_EQUAL(grant.record.metadata, found->metadata);
                   CPPUNIT_ASSERT(std::chrono::abs(found->acquiredAt - grant.record.acquiredAt) <= bench.slack());
               });

    suite.test("testARenewalWithAnotherTokenIsLostAndChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto* token : {"u", "T", "t ", ""})
                   {
                       const auto reply = bench.renew({"a", token, grant.lease.fence}, 20min);
                       CPPUNIT_ASSERT(reply.status == RenewStatus::lost);
                       CPPUNIT_ASSERT(reply.remaining == 0ms);
                   }
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testARenewalWithAnotherFenceIsLostAndChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto fence : {grant.lease.fence - 1, grant.lease.fence + 1, Fence{0}})
                       CPPUNIT_ASSERT(bench.renewStatus({"a", "t", fence}, 20min) == RenewStatus::lost);
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testARenewalOfAnAbsentLockIsLostAndCreatesNothing",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.renewStatus({"a", "t", 1}) == RenewStatus::lost);
                   CPPUNIT_ASSERT(!bench.find("a"));
                   CPPUNIT_ASSERT(bench.store().list({}, StoreBench::context()).empty());
                   bench.requireFree("a", "t");
               });

    suite.test("testARenewalAfterTheReleaseIsLostAndDoesNotRevive",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::released);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                   bench.requireFree("a", "u");
               });
}

void addReleaseTests(ConformanceSuite& suite)
{
    suite.test("testAReleaseFreesAtOnce",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.release(bench.grant("a", "t").lease) == ReleaseStatus::released);
                   bench.requireFree("a", "u");
               });

    suite.test("testAReleaseThatIsSentAgainIsAReleaseAgain",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (int sent = 0; sent < 3; ++sent)
                       CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::released);
                   bench.requireFree("a", "u");
               });

    suite.test("testAReleaseWithAnotherTokenIsNoneAndChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto* token : {"u", "T", "t ", ""})
                       CPPUNIT_ASSERT(bench.release({"a", token, grant.lease.fence}) == ReleaseStatus::notHeld);
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
               });

    suite.test("testAReleaseWithAnotherFenceIsNoneAndChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto fence : {grant.lease.fence - 1, grant.lease.fence + 1, Fence{0}})
                       CPPUNIT_ASSERT(bench.release({"a", "t", fence}) == ReleaseStatus::notHeld);
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
               });

    suite.test("testAReleaseOfAnAbsentLockIsNone",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.release({"a", "t", 1}) == ReleaseStatus::notHeld);
                   bench.requireFree("a", "t");
               });
}

void addBreakTests(ConformanceSuite& suite)
{
    suite.test("testALockBrokenForItsEndIsLostToItsHolderAndStaysTaken",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::held); // its own token is unusable
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testALockBrokenForItsEndIsFreeAfterIt",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   bench.letExpire("a");
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
                   CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(bench.requireFree("a", "u").lease.fence > grant.lease.fence);
               });

    suite.test("testABreakForItsEndThatIsSentAgainIsOneAgain",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (int sent = 0; sent < 2; ++sent)
                       CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testALockBrokenNowIsFreeAtOnce",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::now));
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(bench.requireFree("a", "u").lease.fence > grant.lease.fence);
               });

    suite.test("testALockThatWaitsForItsEndCanStillBeBrokenNow",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::now));
                   bench.requireFree("a", "u");
               });

    suite.test("testABreakWithAnotherFenceIsNoneAndChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
                       for (const auto fence : {grant.lease.fence - 1, grant.lease.fence + 1, Fence{0}})
                           CPPUNIT_ASSERT(!bench.breakLock("a", fence, mode));
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
               });

    suite.test("testWhatIsNotLiveIsNotBroken",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::released);
                   for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
                   {
                       CPPUNIT_ASSERT(!bench.breakLock("a", grant.lease.fence, mode));
                       CPPUNIT_ASSERT(!bench.breakLock("absent", grant.lease.fence, mode));
                   }
                   CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::released); // still known as such
                   bench.requireFree("a", "u");
               });

    suite.test("testADuplicateAcquireAfterABreakNowIsSpent",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::now));
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
                   CPPUNIT_ASSERT(!bench.find("a"));
               });
}

void addLookTests(ConformanceSuite& suite)
{
    suite.test("testFindTellsLiveLocksOnly",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(!bench.find("a"));
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"x":"y"})"});
                   const auto found = bench.find("a");
                   CPPUNIT_ASSERT(found.has_value());
                   bench.requireSame(grant.record, *found);
                   CPPUNIT_ASSERT(found->remaining > 0ms && found->remaining <= StoreBench::longTtl);
                   CPPUNIT_ASSERT(!bench.find("b"));
                   CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::released);
                   CPPUNIT_ASSERT(!bench.find("a"));
               });

    suite.test("testListTellsLiveLocksOnly",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.store().list({}, StoreBench::context()).empty());
                   const auto kept = bench.grant("kept", "t");
                   const auto broken = bench.grant("broken", "t");
                   const auto freed = bench.grant("freed", "t");
                   CPPUNIT_ASSERT(bench.release(bench.grant("released", "t").lease) == ReleaseStatus::released);
                   CPPUNIT_ASSERT(bench.breakLock("broken", broken.lease.fence, BreakMode::whenItEnds));
                   CPPUNIT_ASSERT(bench.breakLock("freed", freed.lease.fence, BreakMode::now));
                   const auto listed = bench.store().list({}, StoreBench::context());
                   CPPUNIT_ASSERT_EQUAL(std::size_t{2}, listed.size());
                   bench.requireSame(broken.record, listed[0]);
                   bench.requireSame(kept.record, listed[1]);
               });

    suite.test("testNoTokenLeavesTheStore",
               [](StoreBench& bench)
               {
                   const std::string secret = "6f1d0c43-secret-token";
                   const auto grant = bench.grant("a", secret, {.metadata = R"({"host":"web-1"})"});
                   auto records = bench.store().list({}, StoreBench::context());
                   CPPUNIT_ASSERT_EQUAL(std::size_t{1}, records.size());
                   records.push_back(bench.find("a").value());
                   records.push_back(bench.acquire("a", "u").record);
                   for (const auto& record : records)
                       CPPUNIT_ASSERT((record.name + record.metadata).find(secret) == std::string::npos);
                   CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::released);
               });
}

void addPruneTests(ConformanceSuite& suite)
{
    suite.test("testPruneForgetsWhatIsDeadForLongerThanTheRetention",
               [](StoreBench& bench)
               {
                   const auto span = bench.shortTtl();
                   bench.release(bench.grant("released", "t").lease);
                   const auto freed = bench.grant("freed", "t");
                   CPPUNIT_ASSERT(bench.breakLock("freed", freed.lease.fence, BreakMode::now));
                   bench.advance(span * 2);
                   CPPUNIT_ASSERT_EQUAL(std::size_t{2}, bench.pruneAll(span));
                   CPPUNIT_ASSERT_EQUAL(std::size_t{0}, bench.pruneAll(span));
                   bench.grant("released", "t"); // nobody knows the token any more
               });

    suite.test("testPruneKeepsWhatDiedLessThanTheRetentionAgo",
               [](StoreBench& bench)
               {
                   bench.release(bench.grant("a", "t").lease);
                   bench.advance(bench.shortTtl());
                   CPPUNIT_ASSERT_EQUAL(std::size_t{0}, bench.pruneAll(1h));
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
               });

    suite.test("testPruneKeepsLiveLocks",
               [](StoreBench& bench)
               {
                   const auto held = bench.grant("held", "t");
                   const auto broken = bench.grant("broken", "t");
                   CPPUNIT_ASSERT(bench.breakLock("broken", broken.lease.fence, BreakMode::whenItEnds));
                   bench.advance(bench.shortTtl());
                   CPPUNIT_ASSERT_EQUAL(std::size_t{0}, bench.pruneAll(1ms));
                   bench.requireUnchanged(held.record);
                   bench.requireUnchanged(broken.record);
                   CPPUNIT_ASSERT(bench.renewStatus(held.lease) == RenewStatus::renewed);
               });

    suite.test("testPruneKeepsAFenceThatIsAheadOfTheClock",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   const Fence hour = 3'600'000'000;
                   bench.release(first.lease);
                   const auto ahead = bench.grant("a", "u", {.fenceFloor = first.lease.fence + hour});
                   bench.release(ahead.lease);
                   bench.advance(bench.shortTtl() * 2);
                   CPPUNIT_ASSERT_EQUAL(std::size_t{0}, bench.pruneAll(bench.shortTtl()));
                   CPPUNIT_ASSERT(bench.grant("a", "v").lease.fence > ahead.lease.fence);
               });
}

} // namespace

/// The rule table of LeaseRules.h, line by line; its lines about expiry are in ExpirySuite.cpp.
void addRuleTests(ConformanceSuite& suite)
{
    suite.layer("rule");
    addAcquireTests(suite);
    addRenewTests(suite);
    addReleaseTests(suite);
    addBreakTests(suite);
    addLookTests(suite);
    addPruneTests(suite);
}

} // namespace Leasehold
