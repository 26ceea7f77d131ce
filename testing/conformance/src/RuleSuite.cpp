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

/// Detects a changed time of the grant only if more than the tolerance has passed since the grant.
void requireSameTimeOfTheGrant(StoreBench& bench, const LockRecord& expected, const LockRecord& actual)
{
    CPPUNIT_ASSERT_MESSAGE("acquiredAt has moved", std::chrono::abs(expected.acquiredAt - actual.acquiredAt) <= bench.slack());
}

void addAcquireTests(ConformanceSuite& suite)
{
    suite.test("testFreeLockIsGrantedAsItWasAskedFor",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"host":"web-1"})"});
                   CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1"})"), grant.record.metadata);
                   CPPUNIT_ASSERT(grant.record.ttl == StoreBench::longTtl);
                   CPPUNIT_ASSERT(isNear(StoreBench::longTtl, grant.record.remaining, bench.slack()));
                   CPPUNIT_ASSERT(isNear(StoreBench::longTtl, grant.record.expiresAt - grant.record.acquiredAt, bench.slack()));
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testReleasedLockIsGrantedAnewToAnotherToken",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t", {.metadata = R"({"n":1})"});
                   CPPUNIT_ASSERT(bench.release(first.lease).status == ReleaseStatus::released);
                   const auto second = bench.grant("a", "u", {.ttl = 5min, .metadata = R"({"n":2})"});
                   CPPUNIT_ASSERT(second.lease.fence > first.lease.fence);
                   CPPUNIT_ASSERT_EQUAL(std::string(R"({"n":2})"), second.record.metadata);
                   CPPUNIT_ASSERT(second.record.ttl == 5min);
                   bench.requireUnchanged(second.record);
                   CPPUNIT_ASSERT(bench.renewStatus(second.lease) == RenewStatus::renewed);
               });

    suite.test("testReplayedAcquireGetsTheSameGrant",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t", {.metadata = R"({"first":true})"});
                   const auto again = bench.grant("a", "t", {.metadata = R"({"first":true})"});
                   CPPUNIT_ASSERT_EQUAL(first.lease.fence, again.lease.fence);
                   CPPUNIT_ASSERT(bench.renewStatus(first.lease) == RenewStatus::renewed);
               });

    suite.test("testReplayedAcquireKeepsTheMetadataAsFirstGiven",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t", {.metadata = R"({"first":true})"});
                   const auto again = bench.grant("a", "t", {.metadata = R"({"first":false})"});
                   CPPUNIT_ASSERT_EQUAL(first.record.metadata, again.record.metadata);
                   CPPUNIT_ASSERT_EQUAL(first.record.metadata, bench.find("a")->metadata);
               });

    suite.test("testReplayedAcquireKeepsTheTimeOfTheGrant",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   bench.advance(bench.slack() * 5);
                   const auto again = bench.grant("a", "t");
                   requireSameTimeOfTheGrant(bench, first.record, again.record);
                   requireSameTimeOfTheGrant(bench, first.record, bench.find("a").value());
               });

    suite.test("testReplayedAcquireLengthensTheLeaseAndNeverShortensIt",
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

    suite.test("testLiveLockIsHeldAndItsHolderTold",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"host":"web-1"})"});
                   const auto reply = bench.acquire("a", "u", {.ttl = 20min, .metadata = R"({"host":"web-2"})"});
                   CPPUNIT_ASSERT(reply.status == AcquireStatus::held);
                   bench.requireSame(grant.record, reply.record);
                   CPPUNIT_ASSERT(reply.record.remaining > 0ms && reply.record.remaining <= StoreBench::longTtl);
               });

    suite.test("testFailedAcquireChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"host":"web-1"})"});
                   for (const auto ttl : {Milliseconds{1s}, Milliseconds{20min}})
                       CPPUNIT_ASSERT(
                           bench.acquire("a", "u", {.ttl = ttl, .metadata = R"({"host":"web-2"})", .fenceFloor = grant.lease.fence + 1000})
                               .status == AcquireStatus::held);
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
               });

    suite.test("testDuplicateOfAReleasedAcquireIsSpent",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.release(bench.grant("a", "t").lease).status == ReleaseStatus::released);
                   const auto reply = bench.acquire("a", "t");
                   CPPUNIT_ASSERT(reply.status == AcquireStatus::spent);
                   CPPUNIT_ASSERT_EQUAL(std::string("a"), reply.record.name);
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
                   bench.requireFree("a", "u");
               });

    suite.test<ClockAhead>("testLeaseLongerThanItsTtlIsCutWhenAnotherAsks",
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

    suite.test<ClockAhead>("testBrokenLeaseLongerThanItsTtlIsCutAndNotGrantedToItsOldToken",
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
    suite.test("testRenewalLastsFromNowForItsTtl",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto ttl : {Milliseconds{20min}, Milliseconds{5min}}) // the second one shortens the lease
                   {
                       const auto reply = bench.renew(grant.lease, ttl);
                       CPPUNIT_ASSERT(reply.status == RenewStatus::renewed);
                       CPPUNIT_ASSERT(isNear(ttl, reply.remaining, bench.slack()));
                       const auto found = bench.find("a");
                       CPPUNIT_ASSERT(found && found->ttl == ttl);
                       CPPUNIT_ASSERT(found->remaining <= ttl && found->remaining > ttl - 4min);
                   }
               });

    suite.test("testRenewalKeepsFenceMetadataAndTimeOfTheGrant",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.metadata = R"({"host":"web-1"})"});
                   bench.advance(bench.slack() * 5);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                   const auto found = bench.find("a");
                   CPPUNIT_ASSERT(found.has_value());
                   CPPUNIT_ASSERT_EQUAL(grant.record.fence, found->fence);
                   CPPUNIT_ASSERT_EQUAL(grant.record.metadata, found->metadata);
                   requireSameTimeOfTheGrant(bench, grant.record, *found);
               });

    suite.test("testRenewalWithAnotherTokenIsLostAndChangesNothing",
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

    suite.test("testRenewalWithAnotherFenceIsLostAndChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto fence : {grant.lease.fence - 1, grant.lease.fence + 1, Fence{0}})
                       CPPUNIT_ASSERT(bench.renewStatus({"a", "t", fence}, 20min) == RenewStatus::lost);
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testRenewalOfAnAbsentLockIsLostAndCreatesNothing",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.renewStatus({"a", "t", 1}) == RenewStatus::lost);
                   CPPUNIT_ASSERT(!bench.find("a"));
                   CPPUNIT_ASSERT(bench.store().list({}, StoreBench::context()).empty());
                   bench.requireFree("a", "t");
               });

    suite.test("testRenewalAfterTheReleaseIsLostAndDoesNotRevive",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                   bench.requireFree("a", "u");
               });
}

void addReleaseTests(ConformanceSuite& suite)
{
    suite.test("testReleaseFreesAtOnce",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.release(bench.grant("a", "t").lease).status == ReleaseStatus::released);
                   bench.requireFree("a", "u");
               });

    suite.test("testReleaseThatIsSentAgainIsAReleaseAgain",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (int sent = 0; sent < 3; ++sent)
                       CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
                   bench.requireFree("a", "u");
               });

    suite.test("testReleaseWithAnotherTokenIsNoneAndChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto* token : {"u", "T", "t ", ""})
                       CPPUNIT_ASSERT(bench.release({"a", token, grant.lease.fence}).status == ReleaseStatus::notHeld);
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
               });

    suite.test("testReleaseWithAnotherFenceIsNoneAndChangesNothing",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (const auto fence : {grant.lease.fence - 1, grant.lease.fence + 1, Fence{0}})
                       CPPUNIT_ASSERT(bench.release({"a", "t", fence}).status == ReleaseStatus::notHeld);
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
               });

    suite.test("testReleaseOfAnAbsentLockIsNone",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.release({"a", "t", 1}).status == ReleaseStatus::notHeld);
                   bench.requireFree("a", "t");
               });
}

void addBreakTests(ConformanceSuite& suite)
{
    suite.test("testLockBrokenForItsEndIsLostToItsHolderAndStaysTaken",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::held); // its own token is unusable
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testLockBrokenForItsEndIsFreeAfterIt",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t", {.ttl = bench.shortTtl()});
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   bench.letExpire("a");
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(bench.requireFree("a", "u").lease.fence > grant.lease.fence);
               });

    suite.test("testBreakForItsEndThatIsSentAgainIsOneAgain",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   for (int sent = 0; sent < 2; ++sent)
                       CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testLockBrokenNowIsFreeAtOnce",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::now));
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(bench.requireFree("a", "u").lease.fence > grant.lease.fence);
               });

    suite.test("testLockThatWaitsForItsEndCanStillBeBrokenNow",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::whenItEnds));
                   CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::now));
                   bench.requireFree("a", "u");
               });

    suite.test("testBreakWithAnotherFenceIsNoneAndChangesNothing",
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
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
                   for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
                   {
                       CPPUNIT_ASSERT(!bench.breakLock("a", grant.lease.fence, mode));
                       CPPUNIT_ASSERT(!bench.breakLock("absent", grant.lease.fence, mode));
                   }
                   CPPUNIT_ASSERT(bench.release(grant.lease).status ==
                                  ReleaseStatus::released); // the record still shows that it was released
                   bench.requireFree("a", "u");
               });

    suite.test("testDuplicateAcquireAfterABreakNowIsSpent",
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
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
                   CPPUNIT_ASSERT(!bench.find("a"));
               });

    suite.test("testListTellsLiveLocksOnly",
               [](StoreBench& bench)
               {
                   CPPUNIT_ASSERT(bench.store().list({}, StoreBench::context()).empty());
                   const auto kept = bench.grant("kept", "t");
                   const auto broken = bench.grant("broken", "t");
                   const auto freed = bench.grant("freed", "t");
                   CPPUNIT_ASSERT(bench.release(bench.grant("released", "t").lease).status == ReleaseStatus::released);
                   CPPUNIT_ASSERT(bench.breakLock("broken", broken.lease.fence, BreakMode::whenItEnds));
                   CPPUNIT_ASSERT(bench.breakLock("freed", freed.lease.fence, BreakMode::now));
                   const auto listed = bench.store().list({}, StoreBench::context());
                   CPPUNIT_ASSERT_EQUAL(std::size_t{2}, listed.size());
                   bench.requireSame(broken.record, listed[0]);
                   bench.requireSame(kept.record, listed[1]);
               });

    suite.test("testLimitOfAListCountsLiveLocksOnly",
               [](StoreBench& bench)
               {
                   for (const auto* name : {"a", "b", "c", "p/a"})
                       CPPUNIT_ASSERT(bench.release(bench.grant(name, "t").lease).status == ReleaseStatus::released);
                   for (const auto* name : {"d", "e", "f", "p/b", "p/c"})
                       bench.grant(name, "t");
                   const auto names = [&](const ListQuery& query)
                   {
                       std::string text;
                       for (const auto& record : bench.store().list(query, StoreBench::context()))
                           text += record.name + ' ';
                       return text;
                   };
                   CPPUNIT_ASSERT_EQUAL(std::string("d e "), names({.limit = 2}));
                   CPPUNIT_ASSERT_EQUAL(std::string("e f "), names({.after = "d", .limit = 2}));
                   CPPUNIT_ASSERT_EQUAL(std::string("p/b "), names({.prefix = "p/", .limit = 1}));
                   CPPUNIT_ASSERT_EQUAL(std::string("p/c "), names({.prefix = "p/", .after = "p/b", .limit = 1}));
                   CPPUNIT_ASSERT_EQUAL(std::string(), names({.prefix = "d", .after = "e"}));
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
                   CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
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
                   bench.grant("released", "t"); // the record with the token was forgotten
               });

    suite.test("testPruneKeepsWhatDiedLessThanTheRetentionAgo",
               [](StoreBench& bench)
               {
                   bench.release(bench.grant("a", "t").lease);
                   bench.advance(bench.shortTtl());
                   CPPUNIT_ASSERT_EQUAL(std::size_t{0}, bench.pruneAll(1h));
                   CPPUNIT_ASSERT(bench.acquire("a", "t").status == AcquireStatus::spent);
               });

    suite.test<VirtualTime>("testPruneCountsTheRetentionFromTheEndOfTheLease",
                            [](StoreBench& bench, VirtualTime&)
                            {
                                const auto span = bench.shortTtl();
                                const auto released = bench.grant("released", "t", {.ttl = span * 4});
                                bench.grant("expired", "t", {.ttl = span * 2});
                                bench.advance(span * 2); // both fences are older than the retention
                                CPPUNIT_ASSERT(bench.release(released.lease).status == ReleaseStatus::released);
                                CPPUNIT_ASSERT_EQUAL(std::size_t{0}, bench.pruneAll(span));
                                for (const auto* name : {"released", "expired"})
                                    CPPUNIT_ASSERT(bench.acquire(name, "t").status == AcquireStatus::spent);
                                bench.advance(span + bench.store().info().ttlGranularity);
                                CPPUNIT_ASSERT_EQUAL(std::size_t{2}, bench.pruneAll(span));
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

/// Tests the rule table of LeaseRules.h line by line. ExpirySuite.cpp has its lines about expiry.
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
