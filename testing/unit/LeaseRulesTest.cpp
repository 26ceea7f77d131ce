#include "Leasehold/Store/LeaseRules.h"
#include "Leasehold/Exceptions.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <tuple>
#include <vector>

using namespace Leasehold;
using namespace Leasehold::LeaseRules;

namespace
{

constexpr std::int64_t wallAtZero = 1'700'000'000'000'000;
constexpr Milliseconds ttl{30'000};
const std::string ours = "token-of-ours", theirs = "token-of-theirs";

StorageNow at(std::int64_t ms)
{
    return {ms, wallAtZero + ms * 1000};
}

AcquireRequest wish(const std::string& token, Milliseconds span = ttl, Fence floor = 0, const std::string& metadata = "{}")
{
    return {"nightly", token, span, metadata, floor};
}

AcquireRequest waiting(std::int64_t wantedFor)
{
    auto request = wish(theirs);
    request.wantedFor = Milliseconds{wantedFor};
    return request;
}

auto fields(const std::optional<Record>& record)
{
    const auto value = record.value_or(Record{});
    return std::make_tuple(record.has_value(), value.token, value.fence, value.standing, value.acquiredAt, value.expiresAt, value.ttl,
                           value.metadata, value.wantedUntil);
}

/// A record that we hold from 1 s to 31 s.
std::optional<Record> heldByUs()
{
    std::optional<Record> record;
    CPPUNIT_ASSERT(acquire(record, wish(ours, ttl, 0, R"({"by":"us"})"), at(1000)).status == AcquireStatus::granted);
    return record;
}

LeaseRef leaseOf(const std::optional<Record>& record)
{
    return {"nightly", record->token, record->fence};
}

struct Ending
{
    std::string name;
    std::function<void(std::optional<Record>&)> end;
};

/// The records after each way in which our lease can have ended by 40 s.
const std::vector<Ending>& endings()
{
    static const std::vector<Ending> all{
        {"expired", [](std::optional<Record>&) {}},
        {"released",
         [](std::optional<Record>& record)
         {
             bool changed = false;
             release(record, leaseOf(record), at(2000), changed);
         }},
        {"broken now", [](std::optional<Record>& record) { breakLock(record, record->fence, BreakMode::now, at(2000)); }},
        {"broken, then ended", [](std::optional<Record>& record) { breakLock(record, record->fence, BreakMode::whenItEnds, at(2000)); }},
    };
    return all;
}

} // namespace

class LeaseRulesTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(LeaseRulesTest);
    CPPUNIT_TEST(testFreeNameIsGrantedWithAllThatWasAsked);
    CPPUNIT_TEST(testEndedLeaseIsFollowedByAnotherTokenWithAGreaterFence);
    CPPUNIT_TEST(testLeaseEndsExactlyWhenItsTtlHasPassed);
    CPPUNIT_TEST(testReplayGetsTheSameGrantAndIsExtended);
    CPPUNIT_TEST(testReplayNeverShortensTheLease);
    CPPUNIT_TEST(testLateDuplicateIsSpentHoweverTheLeaseEnded);
    CPPUNIT_TEST(testAnotherTokenIsHeldAndNothingChanges);
    CPPUNIT_TEST(testLeaseFromAClockThatWasAheadIsCutToItsTtl);
    CPPUNIT_TEST(testBrokenLeaseKeepsTheNameFromEverybodyItsOwnTokenIncluded);
    CPPUNIT_TEST(testBrokenLeaseFromAClockThatWasAheadIsCutToo);
    CPPUNIT_TEST(testRenewExtendsALiveLeaseFromNow);
    CPPUNIT_TEST(testRenewMayShorten);
    CPPUNIT_TEST(testRenewNeverCreatesAndNeverRevives);
    CPPUNIT_TEST(testRenewNeedsTokenAndFence);
    CPPUNIT_TEST(testBrokenLeaseCannotBeRenewedOrReleased);
    CPPUNIT_TEST(testReleaseFreesAtOnceAndRemembersTheFence);
    CPPUNIT_TEST(testReplayedReleaseIsReleasedAndChangesNothing);
    CPPUNIT_TEST(testAnythingElseIsNotReleased);
    CPPUNIT_TEST(testStaleHolderCannotTouchItsSuccessor);
    CPPUNIT_TEST(testBreakNowFreesAtOnce);
    CPPUNIT_TEST(testBreakWhenItEndsLeavesTheEndWhereItIs);
    CPPUNIT_TEST(testBrokenLeaseCanBeBrokenAgainAndFreed);
    CPPUNIT_TEST(testBreakNeedsALiveLeaseWithThatFence);
    CPPUNIT_TEST(testReleasedNameStaysFreeWhenTheClockGoesBack);
    CPPUNIT_TEST(testFenceIsTheGreatestOfItsThreeSources);
    CPPUNIT_TEST(testFenceGrowsThroughEveryKindOfEnd);
    CPPUNIT_TEST(testFenceGrowsWhileTheWallClockStandsOrGoesBack);
    CPPUNIT_TEST(testFencesToSpareLieBelowTheGrantsAndAboveAllBefore);
    CPPUNIT_TEST(testGreatestFenceIsGrantedAndNoneAfterIt);
    CPPUNIT_TEST(testFenceBeyondTheLimitThrowsAndTheRecordStays);
    CPPUNIT_TEST(testNothingIsMadeWhenAFirstGrantThrows);
    CPPUNIT_TEST(testRecordIsForgottenOnlyWhenItAndItsFenceAreOldEnough);
    CPPUNIT_TEST(testLiveRecordIsNeverForgotten);
    CPPUNIT_TEST(testRetentionWithoutEndForgetsNothing);
    CPPUNIT_TEST(testRecordWithoutATokenIsNotLive);
    CPPUNIT_TEST(testWaiterIsNotedAndToldByTheRelease);
    CPPUNIT_TEST(testPollWhoseNoteLastsChangesNothing);
    CPPUNIT_TEST(testOnlyAGrantToAWaiterErasesTheNote);
    CPPUNIT_TEST(testOnlyTheLeaseThatWasBrokenIsToldSo);
    CPPUNIT_TEST_SUITE_END();

public:
    void testFreeNameIsGrantedWithAllThatWasAsked()
    {
        std::optional<Record> record;
        const auto verdict = acquire(record, wish(ours, ttl, 0, R"({"by":"us"})"), at(1000));
        CPPUNIT_ASSERT(verdict.status == AcquireStatus::granted && verdict.changed);
        CPPUNIT_ASSERT_EQUAL(ours, record->token);
        CPPUNIT_ASSERT_EQUAL(static_cast<Fence>(at(1000).wallMicroseconds), record->fence);
        CPPUNIT_ASSERT(record->standing == Standing::held);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1000}, record->acquiredAt);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{31'000}, record->expiresAt);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{30'000}, record->ttl);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"by":"us"})"), record->metadata);
        CPPUNIT_ASSERT(remaining(*record, at(2000)) == Milliseconds{29'000});
    }

    void testEndedLeaseIsFollowedByAnotherTokenWithAGreaterFence()
    {
        for (const auto& ending : endings())
        {
            auto record = heldByUs();
            const auto before = record->fence;
            ending.end(record);
            CPPUNIT_ASSERT_MESSAGE(ending.name, !isLive(*record, at(40'000)));
            CPPUNIT_ASSERT_MESSAGE(ending.name, remaining(*record, at(40'000)) == Milliseconds{0});
            const auto verdict = acquire(record, wish(theirs, Milliseconds{5000}, 0, R"({"by":"them"})"), at(40'000));
            CPPUNIT_ASSERT_MESSAGE(ending.name, verdict.status == AcquireStatus::granted && verdict.changed);
            CPPUNIT_ASSERT_MESSAGE(ending.name, record->fence > before);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(ending.name, theirs, record->token);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(ending.name, std::string(R"({"by":"them"})"), record->metadata);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(ending.name, std::int64_t{45'000}, record->expiresAt);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(ending.name, std::int64_t{40'000}, record->acquiredAt);
            CPPUNIT_ASSERT_MESSAGE(ending.name, record->standing == Standing::held);
        }
    }

    void testLeaseEndsExactlyWhenItsTtlHasPassed()
    {
        auto record = heldByUs();
        CPPUNIT_ASSERT(isLive(*record, at(30'999)));
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(30'999)).status == AcquireStatus::held);
        CPPUNIT_ASSERT(!isLive(*record, at(31'000)));
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(31'000)).status == AcquireStatus::granted);
    }

    void testReplayGetsTheSameGrantAndIsExtended()
    {
        auto record = heldByUs();
        const auto fence = record->fence;
        const auto verdict = acquire(record, wish(ours, ttl, fence + 500, R"({"by":"another try"})"), at(5000));
        CPPUNIT_ASSERT(verdict.status == AcquireStatus::granted && verdict.changed);
        CPPUNIT_ASSERT_EQUAL(fence, record->fence);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"by":"us"})"), record->metadata);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1000}, record->acquiredAt);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{35'000}, record->expiresAt);
    }

    void testReplayNeverShortensTheLease()
    {
        auto record = heldByUs();
        const auto before = fields(record);
        const auto verdict = acquire(record, wish(ours, Milliseconds{1000}), at(5000));
        CPPUNIT_ASSERT(verdict.status == AcquireStatus::granted && !verdict.changed);
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testLateDuplicateIsSpentHoweverTheLeaseEnded()
    {
        for (const auto& ending : endings())
        {
            auto record = heldByUs();
            ending.end(record);
            const auto before = fields(record);
            const auto verdict = acquire(record, wish(ours), at(40'000));
            CPPUNIT_ASSERT_MESSAGE(ending.name, verdict.status == AcquireStatus::spent && !verdict.changed);
            CPPUNIT_ASSERT_MESSAGE(ending.name, before == fields(record));
        }
    }

    void testAnotherTokenIsHeldAndNothingChanges()
    {
        auto record = heldByUs();
        const auto before = fields(record);
        const auto verdict = acquire(record, wish(theirs, ttl, maxFence - 1), at(5000));
        CPPUNIT_ASSERT(verdict.status == AcquireStatus::held && !verdict.changed);
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testLeaseFromAClockThatWasAheadIsCutToItsTtl()
    {
        auto record = heldByUs();
        const auto fence = record->fence;
        const auto verdict = acquire(record, wish(theirs), at(-100'000));
        CPPUNIT_ASSERT(verdict.status == AcquireStatus::held && verdict.changed);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-70'000}, record->expiresAt);
        CPPUNIT_ASSERT_EQUAL(ours, record->token);
        CPPUNIT_ASSERT_EQUAL(fence, record->fence);
        CPPUNIT_ASSERT(!acquire(record, wish(theirs), at(-100'000)).changed); // exactly one TTL is left, so nothing is corrected
        CPPUNIT_ASSERT(renew(record, leaseOf(record), ttl, at(-99'000)));     // its holder still holds it
    }

    void testBrokenLeaseKeepsTheNameFromEverybodyItsOwnTokenIncluded()
    {
        auto record = heldByUs();
        CPPUNIT_ASSERT(breakLock(record, record->fence, BreakMode::whenItEnds, at(2000)));
        const auto before = fields(record);
        for (const auto& token : {ours, theirs})
        {
            const auto verdict = acquire(record, wish(token), at(30'999));
            CPPUNIT_ASSERT(verdict.status == AcquireStatus::held && !verdict.changed);
            CPPUNIT_ASSERT(before == fields(record));
        }
        CPPUNIT_ASSERT(acquire(record, wish(ours), at(31'000)).status == AcquireStatus::spent);
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(31'000)).status == AcquireStatus::granted);
    }

    void testBrokenLeaseFromAClockThatWasAheadIsCutToo()
    {
        auto record = heldByUs();
        breakLock(record, record->fence, BreakMode::whenItEnds, at(2000));
        const auto verdict = acquire(record, wish(theirs), at(-100'000));
        CPPUNIT_ASSERT(verdict.status == AcquireStatus::held && verdict.changed);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-70'000}, record->expiresAt);
        CPPUNIT_ASSERT(record->standing == Standing::broken);
    }

    void testRenewExtendsALiveLeaseFromNow()
    {
        auto record = heldByUs();
        CPPUNIT_ASSERT(renew(record, leaseOf(record), Milliseconds{60'000}, at(30'999)));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{90'999}, record->expiresAt);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{60'000}, record->ttl);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1000}, record->acquiredAt);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"by":"us"})"), record->metadata);
    }

    void testRenewMayShorten()
    {
        auto record = heldByUs();
        CPPUNIT_ASSERT(renew(record, leaseOf(record), Milliseconds{1000}, at(2000)));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3000}, record->expiresAt);
    }

    void testRenewNeverCreatesAndNeverRevives()
    {
        std::optional<Record> none;
        CPPUNIT_ASSERT(!renew(none, {"nightly", ours, 1}, ttl, at(0)));
        CPPUNIT_ASSERT(!none);
        for (const auto& ending : endings())
        {
            auto record = heldByUs();
            ending.end(record);
            const auto before = fields(record);
            CPPUNIT_ASSERT_MESSAGE(ending.name, !renew(record, leaseOf(record), ttl, at(31'000)));
            CPPUNIT_ASSERT_MESSAGE(ending.name, before == fields(record));
        }
    }

    void testRenewNeedsTokenAndFence()
    {
        auto record = heldByUs();
        const auto before = fields(record);
        CPPUNIT_ASSERT(!renew(record, {"nightly", theirs, record->fence}, ttl, at(2000)));
        CPPUNIT_ASSERT(!renew(record, {"nightly", ours, record->fence - 1}, ttl, at(2000)));
        CPPUNIT_ASSERT(!renew(record, {"nightly", ours, record->fence + 1}, ttl, at(2000)));
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testBrokenLeaseCannotBeRenewedOrReleased()
    {
        auto record = heldByUs();
        breakLock(record, record->fence, BreakMode::whenItEnds, at(2000));
        const auto before = fields(record);
        bool changed = true;
        CPPUNIT_ASSERT(!renew(record, leaseOf(record), ttl, at(3000)));
        CPPUNIT_ASSERT(release(record, leaseOf(record), at(3000), changed).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!changed);
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testReleaseFreesAtOnceAndRemembersTheFence()
    {
        auto record = heldByUs();
        const auto lease = leaseOf(record);
        bool changed = false;
        CPPUNIT_ASSERT(release(record, lease, at(2000), changed).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(changed);
        CPPUNIT_ASSERT(!isLive(*record, at(2000)));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2000}, record->expiresAt);
        CPPUNIT_ASSERT_EQUAL(lease.fence, record->fence);
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(2000)).status == AcquireStatus::granted);
    }

    void testReplayedReleaseIsReleasedAndChangesNothing()
    {
        auto record = heldByUs();
        const auto lease = leaseOf(record);
        bool changed = false;
        release(record, lease, at(2000), changed);
        const auto before = fields(record);
        for (const auto when : {2000, 3000, 40'000})
        {
            CPPUNIT_ASSERT(release(record, lease, at(when), changed).status == ReleaseStatus::released);
            CPPUNIT_ASSERT(!changed);
        }
        CPPUNIT_ASSERT(release(record, {"nightly", ours, lease.fence - 1}, at(3000), changed).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(release(record, {"nightly", theirs, lease.fence}, at(3000), changed).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testAnythingElseIsNotReleased()
    {
        bool changed = true;
        std::optional<Record> none;
        CPPUNIT_ASSERT(release(none, {"nightly", ours, 1}, at(0), changed).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!changed && !none);

        for (const auto& ending : endings())
        {
            if (ending.name == "released")
                continue;
            auto record = heldByUs();
            ending.end(record);
            const auto before = fields(record);
            changed = true;
            CPPUNIT_ASSERT_MESSAGE(ending.name, release(record, leaseOf(record), at(40'000), changed).status == ReleaseStatus::notHeld);
            CPPUNIT_ASSERT_MESSAGE(ending.name, !changed);
            CPPUNIT_ASSERT_MESSAGE(ending.name, before == fields(record));
        }

        auto record = heldByUs();
        const auto before = fields(record);
        CPPUNIT_ASSERT(release(record, {"nightly", theirs, record->fence}, at(2000), changed).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(release(record, {"nightly", ours, record->fence - 1}, at(2000), changed).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testStaleHolderCannotTouchItsSuccessor()
    {
        auto record = heldByUs();
        const auto stale = leaseOf(record);
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(31'000)).status == AcquireStatus::granted);
        const auto successor = fields(record);
        bool changed = false;
        CPPUNIT_ASSERT(!renew(record, stale, ttl, at(32'000)));
        CPPUNIT_ASSERT(release(record, stale, at(32'000), changed).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!breakLock(record, stale.fence, BreakMode::now, at(32'000)));
        CPPUNIT_ASSERT(acquire(record, wish(ours), at(32'000)).status == AcquireStatus::held);
        CPPUNIT_ASSERT(successor == fields(record));
    }

    void testBreakNowFreesAtOnce()
    {
        auto record = heldByUs();
        const auto lease = leaseOf(record);
        CPPUNIT_ASSERT(breakLock(record, lease.fence, BreakMode::now, at(2000)));
        CPPUNIT_ASSERT(!isLive(*record, at(2000)));
        CPPUNIT_ASSERT(!renew(record, lease, ttl, at(2001)));
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(2001)).status == AcquireStatus::granted);
        CPPUNIT_ASSERT(record->fence > lease.fence);
    }

    void testBreakWhenItEndsLeavesTheEndWhereItIs()
    {
        auto record = heldByUs();
        CPPUNIT_ASSERT(breakLock(record, record->fence, BreakMode::whenItEnds, at(2000)));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{31'000}, record->expiresAt);
        CPPUNIT_ASSERT(isLive(*record, at(30'999)));
        CPPUNIT_ASSERT(!isLive(*record, at(31'000)));
    }

    void testBrokenLeaseCanBeBrokenAgainAndFreed()
    {
        auto record = heldByUs();
        const auto fence = record->fence;
        breakLock(record, fence, BreakMode::whenItEnds, at(2000));
        CPPUNIT_ASSERT(breakLock(record, fence, BreakMode::whenItEnds, at(3000)));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{31'000}, record->expiresAt);
        CPPUNIT_ASSERT(breakLock(record, fence, BreakMode::now, at(4000)));
        CPPUNIT_ASSERT(!isLive(*record, at(4000)));
        CPPUNIT_ASSERT(!breakLock(record, fence, BreakMode::whenItEnds, at(5000)));
    }

    void testBreakNeedsALiveLeaseWithThatFence()
    {
        for (const auto mode : {BreakMode::now, BreakMode::whenItEnds})
        {
            std::optional<Record> none;
            CPPUNIT_ASSERT(!breakLock(none, 0, mode, at(0)));
            CPPUNIT_ASSERT(!none);

            auto record = heldByUs();
            const auto before = fields(record);
            CPPUNIT_ASSERT(!breakLock(record, record->fence - 1, mode, at(2000)));
            CPPUNIT_ASSERT(!breakLock(record, record->fence + 1, mode, at(2000)));
            CPPUNIT_ASSERT(!breakLock(record, record->fence, mode, at(31'000)));
            CPPUNIT_ASSERT(before == fields(record));
        }
    }

    void testReleasedNameStaysFreeWhenTheClockGoesBack()
    {
        for (const bool byHolder : {true, false})
        {
            auto record = heldByUs();
            bool changed = false;
            if (byHolder)
                release(record, leaseOf(record), at(2000), changed);
            else
                breakLock(record, record->fence, BreakMode::now, at(2000));
            CPPUNIT_ASSERT(!isLive(*record, at(-100'000)));
            CPPUNIT_ASSERT(acquire(record, wish(theirs), at(-100'000)).status == AcquireStatus::granted);
        }
    }

    void testFenceIsTheGreatestOfItsThreeSources()
    {
        const auto clock = static_cast<Fence>(wallAtZero);
        CPPUNIT_ASSERT_EQUAL(clock, nextFence(0, 0, at(0)));
        CPPUNIT_ASSERT_EQUAL(clock + 8, nextFence(clock + 7, 0, at(0)));
        CPPUNIT_ASSERT_EQUAL(clock + 10, nextFence(clock + 7, clock + 9, at(0)));
        CPPUNIT_ASSERT_EQUAL(clock, nextFence(clock - 1, clock - 1, at(0)));
        CPPUNIT_ASSERT_EQUAL(clock + 1, nextFence(clock, clock, at(0)));
        CPPUNIT_ASSERT_EQUAL(Fence{1}, nextFence(0, 0, {0, -5})); // a clock before 1970
    }

    void testFenceGrowsThroughEveryKindOfEnd()
    {
        auto record = heldByUs();
        Fence last = record->fence;
        std::int64_t now = 1000;
        for (int round = 0; round < 3; ++round)
            for (const auto& ending : endings())
            {
                ending.end(record);
                now += 100'000;
                record->expiresAt = std::min(record->expiresAt, now);
                CPPUNIT_ASSERT(acquire(record, wish(std::to_string(now)), at(now)).status == AcquireStatus::granted);
                CPPUNIT_ASSERT(record->fence > last);
                last = record->fence;
            }
    }

    void testFenceGrowsWhileTheWallClockStandsOrGoesBack()
    {
        auto record = heldByUs();
        auto last = record->fence;
        for (int i = 0; i < 5; ++i)
        {
            const StorageNow later{40'000 * (i + 1), wallAtZero - i * 3'600'000'000};
            CPPUNIT_ASSERT(acquire(record, wish("token " + std::to_string(i)), later).status == AcquireStatus::granted);
            CPPUNIT_ASSERT_EQUAL(last + 1, record->fence);
            last = record->fence;
        }
    }

    void testFencesToSpareLieBelowTheGrantsAndAboveAllBefore()
    {
        auto record = heldByUs();
        const auto last = record->fence;
        auto request = wish(theirs, ttl, last + 10);
        request.reservedFences = 5;
        CPPUNIT_ASSERT(acquire(record, request, at(40'000)).status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL(std::max<Fence>(last + 11, at(40'000).wallMicroseconds) + 5, record->fence);
        const auto fence = record->fence;
        CPPUNIT_ASSERT(acquire(record, request, at(41'000)).status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("a replay has no more of them", fence, record->fence);

        CPPUNIT_ASSERT_EQUAL(maxFence, nextFence(maxFence - 6, 0, at(0), 5));
        CPPUNIT_ASSERT_EQUAL(maxFence, nextFence(0, maxFence - 6, at(0), 5));
        const auto huge = std::numeric_limits<Fence>::max();
        for (const auto& [before, floor, spare] :
             std::vector<std::tuple<Fence, Fence, Fence>>{{maxFence - 5, 0, 5}, {0, maxFence - 5, 5}, {0, 0, maxFence}, {0, 0, huge}})
            messageOf<LockStoreError>([before = before, floor = floor, spare = spare] { nextFence(before, floor, at(0), spare); });
    }

    void testGreatestFenceIsGrantedAndNoneAfterIt()
    {
        CPPUNIT_ASSERT_EQUAL(maxFence, nextFence(maxFence - 1, 0, at(0)));
        CPPUNIT_ASSERT_EQUAL(maxFence, nextFence(0, maxFence - 1, at(0)));
        CPPUNIT_ASSERT_EQUAL(maxFence, nextFence(0, 0, {0, static_cast<std::int64_t>(maxFence)}));
        const auto huge = std::numeric_limits<Fence>::max();
        for (const auto& [last, floor] : std::vector<std::pair<Fence, Fence>>{{maxFence, 0}, {0, maxFence}, {huge, 0}, {0, huge}})
        {
            const auto message = messageOf<LockStoreError>([last = last, floor = floor] { nextFence(last, floor, at(0)); });
            assertNames(message, {std::to_string(maxFence), std::to_string(std::max(last, floor))});
        }
        messageOf<LockStoreError>([] { nextFence(0, 0, {0, std::numeric_limits<std::int64_t>::max()}); });
    }

    void testFenceBeyondTheLimitThrowsAndTheRecordStays()
    {
        auto record = heldByUs();
        record->fence = maxFence;
        const auto before = fields(record);
        const auto message = messageOf<LockStoreError>([&] { acquire(record, wish(theirs), at(40'000)); });
        assertNames(message, {"lock \"nightly\"", std::to_string(maxFence)});
        CPPUNIT_ASSERT(message.find(theirs) == std::string::npos);
        CPPUNIT_ASSERT(before == fields(record));
        CPPUNIT_ASSERT(acquire(record, wish(ours), at(40'000)).status == AcquireStatus::spent); // needs no fence
        CPPUNIT_ASSERT(renew(record, leaseOf(record), ttl, at(2000)));
    }

    void testNothingIsMadeWhenAFirstGrantThrows()
    {
        std::optional<Record> none;
        messageOf<LockStoreError>([&] { acquire(none, wish(ours, ttl, maxFence), at(0)); });
        CPPUNIT_ASSERT(!none);
    }

    void testRecordIsForgottenOnlyWhenItAndItsFenceAreOldEnough()
    {
        constexpr Milliseconds hour = std::chrono::hours{1};
        auto record = heldByUs();
        bool changed = false;
        release(record, leaseOf(record), at(2000), changed);
        CPPUNIT_ASSERT(!isForgettable(*record, hour, at(2000 + hour.count())));
        CPPUNIT_ASSERT(isForgettable(*record, hour, at(2001 + hour.count())));

        auto withAFenceAhead = record;
        withAFenceAhead->fence = static_cast<Fence>(at(100'000'000).wallMicroseconds);
        CPPUNIT_ASSERT(!isForgettable(*withAFenceAhead, hour, at(2001 + hour.count())));
        CPPUNIT_ASSERT(!isForgettable(*withAFenceAhead, hour, at(100'000'000 + hour.count())));
        CPPUNIT_ASSERT(isForgettable(*withAFenceAhead, hour, at(100'000'001 + hour.count())));

        // The wall clock was set back, but not the clock that judges expiry.
        CPPUNIT_ASSERT(!isForgettable(*record, hour, {2001 + hour.count(), wallAtZero}));
        CPPUNIT_ASSERT(!isForgettable(*record, hour, {2001 + hour.count(), -1}));
    }

    void testLiveRecordIsNeverForgotten()
    {
        auto record = heldByUs();
        record->fence = 1;
        CPPUNIT_ASSERT(!isForgettable(*record, Milliseconds{0}, at(30'999)));
        CPPUNIT_ASSERT(isForgettable(*record, Milliseconds{0}, at(31'001)));
    }

    void testRetentionWithoutEndForgetsNothing()
    {
        auto record = heldByUs();
        record->fence = 1;
        CPPUNIT_ASSERT(!isForgettable(*record, forever, at(1'000'000'000)));
        CPPUNIT_ASSERT(!isForgettable(*record, Milliseconds{std::numeric_limits<std::int64_t>::max() / 1000}, at(1'000'000'000)));
    }

    void testRecordWithoutATokenIsNotLive()
    {
        Record record;
        record.standing = Standing::held;
        record.expiresAt = 1000;
        CPPUNIT_ASSERT(!isLive(record, at(0)));
    }

    void testWaiterIsNotedAndToldByTheRelease()
    {
        for (const auto& [releasedAt, wanted] : {std::pair{2000, true}, {5999, true}, {6000, false}})
        {
            auto record = heldByUs();
            auto verdict = acquire(record, wish(theirs), at(2000));
            CPPUNIT_ASSERT(verdict.status == AcquireStatus::held && !verdict.changed);
            verdict = acquire(record, waiting(1000), at(2000));
            CPPUNIT_ASSERT(verdict.status == AcquireStatus::held && verdict.changed);
            bool changed = false;
            const auto lease = leaseOf(record);
            CPPUNIT_ASSERT_EQUAL(wanted, release(record, lease, at(releasedAt), changed).wanted);
            CPPUNIT_ASSERT(changed);
            CPPUNIT_ASSERT_EQUAL(wanted, release(record, lease, at(releasedAt), changed).wanted);
            CPPUNIT_ASSERT(!changed);
        }
    }

    void testPollWhoseNoteLastsChangesNothing()
    {
        auto record = heldByUs();
        acquire(record, waiting(1000), at(2000)); // this note lasts until 6 s
        const auto noted = fields(record);
        for (const auto when : {2000, 3000, 5000})
            CPPUNIT_ASSERT(!acquire(record, waiting(1000), at(when)).changed);
        CPPUNIT_ASSERT(!acquire(record, waiting(500), at(5500)).changed);
        CPPUNIT_ASSERT(noted == fields(record));
        CPPUNIT_ASSERT(acquire(record, waiting(1000), at(5001)).changed);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{9001}, record->wantedUntil);
    }

    void testOnlyAGrantToAWaiterErasesTheNote()
    {
        auto record = heldByUs();
        acquire(record, waiting(60'000), at(2000));
        const auto noted = record->wantedUntil;
        CPPUNIT_ASSERT(renew(record, leaseOf(record), ttl, at(3000)));
        CPPUNIT_ASSERT_EQUAL(noted, record->wantedUntil);
        bool changed = false;
        CPPUNIT_ASSERT(release(record, leaseOf(record), at(4000), changed).wanted);
        CPPUNIT_ASSERT(acquire(record, wish("another"), at(4000)).status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL(noted, record->wantedUntil);
        CPPUNIT_ASSERT(acquire(record, waiting(1000), at(40'000)).status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, record->wantedUntil);
    }

    void testOnlyTheLeaseThatWasBrokenIsToldSo()
    {
        for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
        {
            auto record = heldByUs();
            const auto lease = leaseOf(record);
            CPPUNIT_ASSERT(!wasBroken(record, lease));
            CPPUNIT_ASSERT(breakLock(record, lease.fence, mode, at(2000)));
            bool changed = true;
            for (const auto when : {2000, 40'000})
            {
                CPPUNIT_ASSERT(wasBroken(record, lease));
                CPPUNIT_ASSERT(release(record, lease, at(when), changed).broken && !changed);
            }
            CPPUNIT_ASSERT(!wasBroken(record, {"nightly", theirs, lease.fence}));
            CPPUNIT_ASSERT(!wasBroken(record, {"nightly", ours, lease.fence - 1}));
            CPPUNIT_ASSERT(acquire(record, wish(theirs), at(40'000)).status == AcquireStatus::granted);
            CPPUNIT_ASSERT(!wasBroken(record, lease));
            CPPUNIT_ASSERT(!release(record, lease, at(40'000), changed).broken);
        }
        CPPUNIT_ASSERT(!wasBroken(std::nullopt, {"nightly", ours, 1}));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LeaseRulesTest);
