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

/// A lock whose first holder was late, and that has another one now.
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
    CPPUNIT_ASSERT(bench.release(locks.successor.lease) == ReleaseStatus::released);
}

/// Sends the request twice through a wire that loses the first answer after the request took effect.
template <typename Send>
auto sendThroughLossyWire(StoreBench& bench, StoreVerb verb, Send send)
{
    // The view outlives the decorator: it is the bench's.
    FaultyLockStore wire(std::shared_ptr<LockStore>(&bench.store(), [](LockStore*) {}));
    wire.fail(verb, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::after, 1);
    CPPUNIT_ASSERT_THROW(send(wire), LockStoreUnavailable);
    return send(wire);
}

void addStaleHolderTests(ConformanceSuite& suite)
{
    suite.test("testAStaleHolderCannotRenewItsSuccessorsLock",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.renewStatus(locks.stale.lease, 20min) == RenewStatus::lost);
                   requireSuccessor(bench, locks);
               });

    suite.test("testAStaleHolderCannotReleaseItsSuccessorsLock",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.release(locks.stale.lease) == ReleaseStatus::notHeld);
                   requireSuccessor(bench, locks);
               });

    suite.test("testAStaleHolderThatRenewsAndThenReleasesGetsNeither",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.renewStatus(locks.stale.lease) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(locks.stale.lease) == ReleaseStatus::notHeld);
                   requireSuccessor(bench, locks);
               });

    suite.test("testAStaleHolderThatReleasesAndThenRenewsGetsNeither",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.release(locks.stale.lease) == ReleaseStatus::notHeld);
                   CPPUNIT_ASSERT(bench.renewStatus(locks.stale.lease) == RenewStatus::lost);
                   requireSuccessor(bench, locks);
               });

    suite.test("testAStaleHolderIsNotLetInByItsSuccessorsEnd",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   CPPUNIT_ASSERT(bench.release(locks.successor.lease) == ReleaseStatus::released);
                   CPPUNIT_ASSERT(bench.renewStatus(locks.stale.lease) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(locks.stale.lease) == ReleaseStatus::notHeld);
                   bench.requireFree("a", "third");
               });

    suite.test("testABreakOfTheStaleLeaseDoesNotHitItsSuccessor",
               [](StoreBench& bench)
               {
                   const auto locks = succession(bench);
                   for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
                       CPPUNIT_ASSERT(!bench.breakLock("a", locks.stale.lease.fence, mode));
                   requireSuccessor(bench, locks);
               });

    suite.test("testTheTokenOfAnotherLockOpensNone",
               [](StoreBench& bench)
               {
                   const auto a = bench.grant("a", "ta");
                   const auto b = bench.grant("b", "tb");
                   CPPUNIT_ASSERT(bench.renewStatus({"b", "ta", a.lease.fence}) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.renewStatus({"b", "ta", b.lease.fence}) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release({"b", "ta", b.lease.fence}) == ReleaseStatus::notHeld);
                   bench.requireUnchanged(a.record);
                   bench.requireUnchanged(b.record);
               });

    suite.test("testTheSameTokenMayHoldManyLocks",
               [](StoreBench& bench)
               {
                   const auto a = bench.grant("a", "t");
                   const auto b = bench.grant("b", "t");
                   CPPUNIT_ASSERT(bench.release(a.lease) == ReleaseStatus::released);
                   bench.requireUnchanged(b.record);
                   CPPUNIT_ASSERT(bench.renewStatus(b.lease) == RenewStatus::renewed);
               });

    suite.test("testATokenWithTheFenceOfItsEarlierLeaseIsStale",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   bench.release(first.lease);
                   bench.release(bench.grant("a", "u").lease);
                   const auto second = bench.grant("a", "t"); // another's lease lies between: the token is as good as new
                   CPPUNIT_ASSERT(bench.renewStatus(first.lease, 20min) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(first.lease) == ReleaseStatus::notHeld);
                   bench.requireUnchanged(second.record);
                   CPPUNIT_ASSERT(bench.renewStatus(second.lease) == RenewStatus::renewed);
               });
}

void addLateRequestTests(ConformanceSuite& suite)
{
    suite.test("testARenewalThatArrivesAfterTheReleaseDoesNotHarmTheNextHolder",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   bench.release(first.lease);
                   const auto second = bench.grant("a", "u");
                   CPPUNIT_ASSERT(bench.renewStatus(first.lease, 20min) == RenewStatus::lost);
                   bench.requireUnchanged(second.record);
               });

    suite.test("testAReleaseThatIsSentAgainDoesNotHarmTheNextHolder",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   bench.release(first.lease);
                   const auto second = bench.grant("a", "u");
                   CPPUNIT_ASSERT(bench.release(first.lease) == ReleaseStatus::notHeld);
                   bench.requireUnchanged(second.record);
                   CPPUNIT_ASSERT(bench.renewStatus(second.lease) == RenewStatus::renewed);
               });

    suite.test("testADuplicateAcquireDoesNotTakeTheLockFromTheNextHolder",
               [](StoreBench& bench)
               {
                   bench.release(bench.grant("a", "t").lease);
                   const auto second = bench.grant("a", "u");
                   CPPUNIT_ASSERT(bench.acquire("a", "t", {.ttl = 20min}).status == AcquireStatus::held);
                   bench.requireUnchanged(second.record);
               });

    suite.test("testADuplicateAcquireIsSpentAfterEachKindOfEnd",
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

    suite.test("testALateBreakDoesNotHitTheNextHolder",
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

    suite.test("testTheHolderOfABrokenLockDoesNotHarmTheNextOne",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("a", "t");
                   CPPUNIT_ASSERT(bench.breakLock("a", first.lease.fence, BreakMode::now));
                   const auto second = bench.grant("a", "u");
                   CPPUNIT_ASSERT(bench.renewStatus(first.lease, 20min) == RenewStatus::lost);
                   CPPUNIT_ASSERT(bench.release(first.lease) == ReleaseStatus::notHeld);
                   bench.requireUnchanged(second.record);
               });
}

void addLostAnswerTests(ConformanceSuite& suite)
{
    suite.test("testAnAcquireWhoseAnswerWasLostIsGrantedOnceWhenSentAgain",
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

    suite.test("testARenewalWhoseAnswerWasLostIsRenewedWhenSentAgain",
               [](StoreBench& bench)
               {
                   const std::vector<RenewRequest> requests{{bench.grant("a", "t").lease, 20min}};
                   const auto replies = sendThroughLossyWire(bench, StoreVerb::renew,
                                                             [&](LockStore& wire) { return wire.renew(requests, StoreBench::context()); });
                   CPPUNIT_ASSERT(replies.at(0).status == RenewStatus::renewed);
                   CPPUNIT_ASSERT(bench.find("a")->ttl == 20min);
               });

    suite.test("testAReleaseWhoseAnswerWasLostIsReleasedWhenSentAgain",
               [](StoreBench& bench)
               {
                   const auto lease = bench.grant("a", "t").lease;
                   const auto status = sendThroughLossyWire(bench, StoreVerb::release,
                                                            [&](LockStore& wire) { return wire.release(lease, StoreBench::context()); });
                   CPPUNIT_ASSERT(status == ReleaseStatus::released);
                   bench.requireFree("a", "u");
               });

    suite.test("testABreakForItsEndWhoseAnswerWasLostIsDoneWhenSentAgain",
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

/// Requests that come too late, twice, or from somebody who no longer holds: what delayed packets and paused processes send.
void addAdversaryTests(ConformanceSuite& suite)
{
    suite.layer("adversaries");
    addStaleHolderTests(suite);
    addLateRequestTests(suite);
    addLostAnswerTests(suite);
}

} // namespace Leasehold
