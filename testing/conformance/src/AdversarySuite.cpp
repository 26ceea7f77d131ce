#include "Leasehold/ConformanceSuite.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/FaultyLockStore.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// A lock whose first holder was too late, and which another holder has now.
struct Succession
{
    Grant stale;
    Grant successor;
};

Succession succession(StoreBench& bench)
{
    const auto stale = bench.grant("a", "stale", {.ttl = bench.shortTtl(), .metadata = R"({"n":1})"});
    bench.letExpire("a");
    return {stale, bench.grant("a", "successor", {.metadata = R"({"n":2})"})};
}

void requireSuccessor(StoreBench& bench, const Succession& locks)
{
    bench.requireUnchanged(locks.successor.record);
    CPPUNIT_ASSERT(bench.acquire("a", "third").status == AcquireStatus::held);
    CPPUNIT_ASSERT(bench.renewStatus(locks.successor.lease) == RenewStatus::renewed);
    CPPUNIT_ASSERT(bench.release(locks.successor.lease).status == ReleaseStatus::released);
}

/// Sends the request twice: the first one takes effect, but its answer is lost.
template <typename Send>
auto sendThroughLossyWire(StoreBench& bench, StoreVerb verb, Send send)
{
    // The bench owns the view, so it outlives the decorator.
    FaultyLockStore wire(std::shared_ptr<LockStore>(&bench.store(), [](LockStore*) {}));
    wire.fail(verb, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::after, 1);
    CPPUNIT_ASSERT_THROW(send(wire), LockStoreUnavailable);
    return send(wire);
}

void addStaleHolderTests(ConformanceSuite& suite)
{
    suite.test("testStaleHolderCannotRenewItsSuccessorsLock",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.renewStatus(locks.stale.lease, 20min) == RenewStatus::lost);
                   requireSuccessor(bench, locks);
               });

    suite.test("testStaleHolderCannotReleaseItsSuccessorsLock",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.release(locks.stale.lease).status == ReleaseStatus::notHeld);
                   requireSuccessor(bench, locks);
               });

    suite.test("testStaleHolderThatRenewsAndThenReleasesGetsNeither",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.renewStatus(locks.stale.lease) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(locks.stale.lease).status == ReleaseStatus::notHeld);
                   requireSuccessor(bench, locks);
               });

    suite.test("testStaleHolderThatReleasesAndThenRenewsGetsNeither",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.release(locks.stale.lease).status == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(bench.renewStatus(locks.stale.lease) == RenewStatus::lost);
                   requireSuccessor(bench, locks);
               });

    suite.test("testStaleHolderIsNotLetInByItsSuccessorsEnd",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.release(locks.successor.lease).status == ReleaseStatus::released);
                   CPPUNIT_ASSERT(bench.renewStatus(locks.stale.lease) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(locks.stale.lease).status == ReleaseStatus::notHeld);
                   bench.requireFree("a", "third");
               });

    suite.test("testBreakOfTheStaleLeaseDoesNotHitItsSuccessor",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
                       CPPUNIT_ASSERT(!bench.breakLock("a", locks.stale.lease.fence, mode));
                   requireSuccessor(bench, locks);
               });

    suite.test("testTokenOfAnotherLockOpensNone",
               [](StoreBench& bench)
               {
                   const auto a = bench.grant("a", "ta");
                   const auto b = bench.grant("b", "tb");
                   CPPUNIT_ASSERT(bench.renewStatus({"b", "ta", a.lease.fence}) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.renewStatus({"b", "ta", b.lease.fence}) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release({"b", "ta", b.lease.fence}).status == ReleaseStatus::notHeld);
                   bench.requireUnchanged(a.record);
                   bench.requireUnchanged(b.record);
               });

    suite.test("testSameTokenMayHoldManyLocks",
               [](StoreBench& bench)
               {
                   const auto a = bench.grant("a", "t");
                   const auto b = bench.grant("b", "t");
                   CPPUNIT_ASSERT(bench.release(a.lease).status == ReleaseStatus::released);
                   bench.requireUnchanged(b.record);
                   CPPUNIT_ASSERT(bench.renewStatus(b.lease) == RenewStatus::renewed);
               });

    suite.test("testTokenWithTheFenceOfItsEarlierLeaseIsStale",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   bench.release(first.lease);
                   bench.release(bench.grant("a", "u").lease);
                   const auto second = bench.grant("a", "t"); // another holder's lease came between, so the token counts as a new one
                   CPPUNIT_ASSERT(bench.renewStatus(first.lease, 20min) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(first.lease).status == ReleaseStatus::notHeld);
                   bench.requireUnchanged(second.record);
                   CPPUNIT_ASSERT(bench.renewStatus(second.lease) == RenewStatus::renewed);
               });
}

void addLateRequestTests(ConformanceSuite& suite)
{
    suite.test("testRenewalThatArrivesAfterTheReleaseDoesNotHarmTheNextHolder",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   bench.release(first.lease);
                   const auto second = bench.grant("a", "u");
                   CPPUNIT_ASSERT(bench.renewStatus(first.lease, 20min) == RenewStatus::lost);
                   bench.requireUnchanged(second.record);
               });

    suite.test("testReleaseThatIsSentAgainDoesNotHarmTheNextHolder",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   bench.release(first.lease);
                   const auto second = bench.grant("a", "u");
                   CPPUNIT_ASSERT(bench.release(first.lease).status == ReleaseStatus::notHeld);
                   bench.requireUnchanged(second.record);
                   CPPUNIT_ASSERT(bench.renewStatus(second.lease) == RenewStatus::renewed);
               });

    suite.test("testDuplicateAcquireDoesNotTakeTheLockFromTheNextHolder",
               [](StoreBench& bench)
               {
                   bench.release(bench.grant("a", "t").lease);
                   const auto second = bench.grant("a", "u");
                   CPPUNIT_ASSERT(bench.acquire("a", "t", {.ttl = 20min}).status == AcquireStatus::held);
                   bench.requireUnchanged(second.record);
               });

    suite.test("testDuplicateAcquireIsSpentAfterEachKindOfEnd",
               [](StoreBench& bench)
               {
                   const auto released = bench.grant("released", "t");
                   const auto freed = bench.grant("freed", "t");
                   const auto expired = bench.grant("expired", "t", {.ttl = bench.shortTtl()});
                   const auto broken = bench.grant("broken", "t", {.ttl = bench.shortTtl()});
                   CPPUNIT_ASSERT(bench.breakLock("broken", broken.lease.fence, BreakMode::whenItEnds));
                   bench.release(released.lease);
                   CPPUNIT_ASSERT(bench.breakLock("freed", freed.lease.fence, BreakMode::now));
                   bench.letExpire("expired");
                   bench.letExpire("broken");
                   for (const auto* grant : {&released, &freed, &expired, &broken})
                       for (int sent = 0; sent < 2; ++sent)
                       {
                           CPPUNIT_ASSERT(bench.acquire(grant->lease.name, "t", {.metadata = R"({"late":1})"}).status ==
                                          AcquireStatus::spent);
                           CPPUNIT_ASSERT(!bench.find(grant->lease.name));
                       }
                   for (const auto* grant : {&released, &freed, &expired, &broken})
                       CPPUNIT_ASSERT(bench.grant(grant->lease.name, "u").lease.fence > grant->lease.fence);
               });

    suite.test("testLateBreakDoesNotHitTheNextHolder",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", first.lease.fence, BreakMode::now));
                   const auto second = bench.grant("a", "u");
                   for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
                       CPPUNIT_ASSERT(!bench.breakLock("a", first.lease.fence, mode));
                   bench.requireUnchanged(second.record);
                   CPPUNIT_ASSERT(bench.renewStatus(second.lease) == RenewStatus::renewed);
               });

    suite.test("testHolderOfABrokenLockDoesNotHarmTheNextOne",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", first.lease.fence, BreakMode::now));
                   const auto second = bench.grant("a", "u");
                   CPPUNIT_ASSERT(bench.renewStatus(first.lease, 20min) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(first.lease).status == ReleaseStatus::notHeld);
                   bench.requireUnchanged(second.record);
               });
}

void addLostAnswerTests(ConformanceSuite& suite)
{
    suite.test("testAcquireWhoseAnswerWasLostIsGrantedOnceWhenSentAgain",
               [](StoreBench& bench)
               {
                   const auto reply = sendThroughLossyWire(
                       bench, StoreVerb::acquire,
                       [](LockStore& wire) {
                           return wire.acquire({"a", "t", StoreBench::longTtl, R"({"x":1})", 0}, StoreBench::context());
                       });
                   CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
                   bench.requireUnchanged(reply.record);
                   CPPUNIT_ASSERT(bench.renewStatus({"a", "t", reply.record.fence}) == RenewStatus::renewed);
               });

    suite.test("testRenewalWhoseAnswerWasLostIsRenewedWhenSentAgain",
               [](StoreBench& bench)
               {
                   const std::vector<RenewRequest> requests{{bench.grant("a", "t").lease, 20min}};
                   const auto replies = sendThroughLossyWire(bench, StoreVerb::renew,
                                                             [&](LockStore& wire) { return wire.renew(requests, StoreBench::context()); });
                   CPPUNIT_ASSERT(replies.at(0).status == RenewStatus::renewed);
                   CPPUNIT_ASSERT(bench.find("a")->ttl == 20min);
               });

    suite.test("testReleaseWhoseAnswerWasLostIsReleasedWhenSentAgain",
               [](StoreBench& bench)
               {
                   const auto lease = bench.grant("a", "t").lease;
                   const auto reply = sendThroughLossyWire(bench, StoreVerb::release,
                                                           [&](LockStore& wire) { return wire.release(lease, StoreBench::context()); });
                   CPPUNIT_ASSERT(reply.status == ReleaseStatus::released);
                   bench.requireFree("a", "u");
               });

    suite.test("testReleaseWhoseAnswerWasLostDoesNotHarmTheNextHolder",
               [](StoreBench& bench)
               {
                   const auto lease = bench.grant("a", "t").lease;
                   Grant next;
                   int sent = 0;
                   const auto reply = sendThroughLossyWire(bench, StoreVerb::release,
                                                           [&](LockStore& wire)
                                                           {
                                                               if (++sent == 2)
                                                                   next = bench.grant("a", "u");
                                                               return wire.release(lease, StoreBench::context());
                                                           });
                   // The answer proves no loss, because the first request took effect; see ReleaseStatus.
                   CPPUNIT_ASSERT(reply.status == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(!reply.broken);
                   bench.requireUnchanged(next.record);
                   CPPUNIT_ASSERT(bench.renewStatus(next.lease) == RenewStatus::renewed);
               });

    suite.test("testBreakForItsEndWhoseAnswerWasLostIsDoneWhenSentAgain",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   const bool broken =
                       sendThroughLossyWire(bench, StoreVerb::breakLock,
                                            [&](LockStore& wire) {
                                                return wire.breakLock("a", grant.lease.fence, BreakMode::whenItEnds, StoreBench::context());
                                            });
                   CPPUNIT_ASSERT(broken);
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::lost);
               });

    suite.test("testPreparingAgainHarmsNoLiveLock",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   const auto released = bench.grant("b", "t");
                   bench.release(released.lease);
                   bench.store().prepare(StoreBench::context());
                   bench.reopen();
                   bench.requireUnchanged(grant.record);
                   CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                   CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                   CPPUNIT_ASSERT(bench.acquire("b", "t").status == AcquireStatus::spent);
               });
}

} // namespace

/// Requests that come too late, twice, or from a stale holder, as delayed packets and paused processes send them.
void addAdversaryTests(ConformanceSuite& suite)
{
    suite.layer("adversaries");
    addStaleHolderTests(suite);
    addLateRequestTests(suite);
    addLostAnswerTests(suite);
}

} // namespace Leasehold
