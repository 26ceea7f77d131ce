#include "Leasehold/LeaseRules.h"
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

auto fields(const std::optional<Record>& record)
{
    const auto value = record.value_or(Record{});
    return std::make_tuple(record.has_value(), value.token, value.fence, value.standing, value.acquiredAt, value.expiresAt, value.ttl,
                           value.metadata);
}

/// Held by us since 1 s, until 31 s.
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

/// Each way in which our lease can have ended by 40 s.
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
    CPPUNIT_TEST(testAFreeNameIsGrantedWithAllThatWasAsked);
    CPPUNIT_TEST(testAnEndedLeaseIsFollowedByAnotherTokenWithAGreaterFence);
    CPPUNIT_TEST(testALeaseEndsExactlyWhenItsTtlHasPassed);
    CPPUNIT_TEST(testAReplayGetsTheSameGrantAndIsExtended);
    CPPUNIT_TEST(testAReplayNeverShortensTheLease);
    CPPUNIT_TEST(testALateDuplicateIsSpentHoweverTheLeaseEnded);
    CPPUNIT_TEST(testAnotherTokenIsHeldAndNothingChanges);
    CPPUNIT_TEST(testALeaseFromAClockThatWasAheadIsCutToItsTtl);
    CPPUNIT_TEST(testABrokenLeaseKeepsTheNameFromEverybodyItsOwnTokenIncluded);
    CPPUNIT_TEST(testABrokenLeaseFromAClockThatWasAheadIsCutToo);
    CPPUNIT_TEST(testRenewExtendsALiveLeaseFromNow);
    CPPUNIT_TEST(testRenewMayShorten);
    CPPUNIT_TEST(testRenewNeverCreatesAndNeverRevives);
    CPPUNIT_TEST(testRenewNeedsTokenAndFence);
    CPPUNIT_TEST(testABrokenLeaseCannotBeRenewedOrReleased);
    CPPUNIT_TEST(testReleaseFreesAtOnceAndRemembersTheFence);
    CPPUNIT_TEST(testAReplayedReleaseIsReleasedAndChangesNothing);
    CPPUNIT_TEST(testAnythingElseIsNotReleased);
    CPPUNIT_TEST(testAStaleHolderCannotTouchItsSuccessor);
    CPPUNIT_TEST(testBreakNowFreesAtOnce);
    CPPUNIT_TEST(testBreakWhenItEndsLeavesTheEndWhereItIs);
    CPPUNIT_TEST(testABrokenLeaseCanBeBrokenAgainAndFreed);
    CPPUNIT_TEST(testBreakNeedsALiveLeaseWithThatFence);
    CPPUNIT_TEST(testAReleasedNameStaysFreeWhenTheClockGoesBack);
    CPPUNIT_TEST(testTheFenceIsTheGreatestOfItsThreeSources);
    CPPUNIT_TEST(testTheFenceGrowsThroughEveryKindOfEnd);
    CPPUNIT_TEST(testTheFenceGrowsWhileTheWallClockStandsOrGoesBack);
    CPPUNIT_TEST(testFencesToSpareLieBelowTheGrantsAndAboveAllBefore);
    CPPUNIT_TEST(testTheGreatestFenceIsGrantedAndNoneAfterIt);
    CPPUNIT_TEST(testAFenceBeyondTheLimitThrowsAndTheRecordStays);
    CPPUNIT_TEST(testNothingIsMadeWhenAFirstGrantThrows);
    CPPUNIT_TEST(testARecordIsForgottenOnlyWhenItAndItsFenceAreOldEnough);
    CPPUNIT_TEST(testALiveRecordIsNeverForgotten);
    CPPUNIT_TEST(testARetentionWithoutEndForgetsNothing);
    CPPUNIT_TEST(testARecordWithoutATokenIsNotLive);
    CPPUNIT_TEST_SUITE_END();

public:
    void testAFreeNameIsGrantedWithAllThatWasAsked()
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

    void testAnEndedLeaseIsFollowedByAnotherTokenWithAGreaterFence()
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

    void testALeaseEndsExactlyWhenItsTtlHasPassed()
    {
        auto record = heldByUs();
        CPPUNIT_ASSERT(isLive(*record, at(30'999)));
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(30'999)).status == AcquireStatus::held);
        CPPUNIT_ASSERT(!isLive(*record, at(31'000)));
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(31'000)).status == AcquireStatus::granted);
    }

    void testAReplayGetsTheSameGrantAndIsExtended()
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

    void testAReplayNeverShortensTheLease()
    {
        auto record = heldByUs();
        const auto before = fields(record);
        const auto verdict = acquire(record, wish(ours, Milliseconds{1000}), at(5000));
        CPPUNIT_ASSERT(verdict.status == AcquireStatus::granted && !verdict.changed);
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testALateDuplicateIsSpentHoweverTheLeaseEnded()
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

    void testALeaseFromAClockThatWasAheadIsCutToItsTtl()
    {
        auto record = heldByUs();
        const auto fence = record->fence;
        const auto verdict = acquire(record, wish(theirs), at(-100'000));
        CPPUNIT_ASSERT(verdict.status == AcquireStatus::held && verdict.changed);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-70'000}, record->expiresAt);
        CPPUNIT_ASSERT_EQUAL(ours, record->token);
        CPPUNIT_ASSERT_EQUAL(fence, record->fence);
        CPPUNIT_ASSERT(!acquire(record, wish(theirs), at(-100'000)).changed); // exactly one ttl is left: nothing to cut
        CPPUNIT_ASSERT(renew(record, leaseOf(record), ttl, at(-99'000)));     // its holder is still its holder
    }

    void testABrokenLeaseKeepsTheNameFromEverybodyItsOwnTokenIncluded()
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

    void testABrokenLeaseFromAClockThatWasAheadIsCutToo()
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

    void testABrokenLeaseCannotBeRenewedOrReleased()
    {
        auto record = heldByUs();
        breakLock(record, record->fence, BreakMode::whenItEnds, at(2000));
        const auto before = fields(record);
        bool changed = true;
        CPPUNIT_ASSERT(!renew(record, leaseOf(record), ttl, at(3000)));
        CPPUNIT_ASSERT(release(record, leaseOf(record), at(3000), changed) == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!changed);
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testReleaseFreesAtOnceAndRemembersTheFence()
    {
        auto record = heldByUs();
        const auto lease = leaseOf(record);
        bool changed = false;
        CPPUNIT_ASSERT(release(record, lease, at(2000), changed) == ReleaseStatus::released);
        CPPUNIT_ASSERT(changed);
        CPPUNIT_ASSERT(!isLive(*record, at(2000)));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2000}, record->expiresAt);
        CPPUNIT_ASSERT_EQUAL(lease.fence, record->fence);
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(2000)).status == AcquireStatus::granted);
    }

    void testAReplayedReleaseIsReleasedAndChangesNothing()
    {
        auto record = heldByUs();
        const auto lease = leaseOf(record);
        bool changed = false;
        release(record, lease, at(2000), changed);
        const auto before = fields(record);
        for (const auto when : {2000, 3000, 40'000})
        {
            CPPUNIT_ASSERT(release(record, lease, at(when), changed) == ReleaseStatus::released);
            CPPUNIT_ASSERT(!changed);
        }
        CPPUNIT_ASSERT(release(record, {"nightly", ours, lease.fence - 1}, at(3000), changed) == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(release(record, {"nightly", theirs, lease.fence}, at(3000), changed) == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testAnythingElseIsNotReleased()
    {
        bool changed = true;
        std::optional<Record> none;
        CPPUNIT_ASSERT(release(none, {"nightly", ours, 1}, at(0), changed) == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!changed && !none);

        for (const auto& ending : endings())
        {
            if (ending.name == "released")
                continue;
            auto record = heldByUs();
            ending.end(record);
            const auto before = fields(record);
            changed = true;
            CPPUNIT_ASSERT_MESSAGE(ending.name, release(record, leaseOf(record), at(40'000), changed) == ReleaseStatus::notHeld);
            CPPUNIT_ASSERT_MESSAGE(ending.name, !changed);
            CPPUNIT_ASSERT_MESSAGE(ending.name, before == fields(record));
        }

        auto record = heldByUs();
        const auto before = fields(record);
        CPPUNIT_ASSERT(release(record, {"nightly", theirs, record->fence}, at(2000), changed) == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(release(record, {"nightly", ours, record->fence - 1}, at(2000), changed) == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(before == fields(record));
    }

    void testAStaleHolderCannotTouchItsSuccessor()
    {
        auto record = heldByUs();
        const auto stale = leaseOf(record);
        CPPUNIT_ASSERT(acquire(record, wish(theirs), at(31'000)).status == AcquireStatus::granted);
        const auto successor = fields(record);
        bool changed = false;
        CPPUNIT_ASSERT(!renew(record, stale, ttl, at(32'000)));
        CPPUNIT_ASSERT(release(record, stale, at(32'000), changed) == ReleaseStatus::notHeld);
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

    void testABrokenLeaseCanBeBrokenAgainAndFreed()
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

    void testAReleasedNameStaysFreeWhenTheClockGoesBack()
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

    void testTheFenceIsTheGreatestOfItsThreeSources()
    {
        const auto clock = static_cast<Fence>(wallAtZero);
        CPPUNIT_ASSERT_EQUAL(clock, nextFence(0, 0, at(0)));
        CPPUNIT_ASSERT_EQUAL(clock + 8, nextFence(clock + 7, 0, at(0)));
        CPPUNIT_ASSERT_EQUAL(clock + 10, nextFence(clock + 7, clock + 9, at(0)));
        CPPUNIT_ASSERT_EQUAL(clock, nextFence(clock - 1, clock - 1, at(0)));
        CPPUNIT_ASSERT_EQUAL(clock + 1, nextFence(clock, clock, at(0)));
        CPPUNIT_ASSERT_EQUAL(Fence{1}, nextFence(0, 0, {0, -5})); // a clock before 1970
    }

    void testTheFenceGrowsThroughEveryKindOfEnd()
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

    void testTheFenceGrowsWhileTheWallClockStandsOrGoesBack()
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
        request.spareFences = 5;
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

    void testTheGreatestFenceIsGrantedAndNoneAfterIt()
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

    void testAFenceBeyondTheLimitThrowsAndTheRecordStays()
    {
        auto record = heldByUs();
        record->fence = maxFence;
        const auto before = fields(record);
        const auto message = messageOf<LockStoreError>([&] { acquire(record, wish(theirs), at(40'000)); });
        assertNames(message, {"lock \"nightly\"", std::to_string(maxFence)});
        CPPUNIT_ASSERT(message.find(theirs) == std::string::npos);
        CPPUNIT_ASSERT(before == fields(record));
        CPPUNIT_ASSERT(acquire(record, wish(ours), at(40'000)).status == AcquireStatus::spent); // asks for no fence
        CPPUNIT_ASSERT(renew(record, leaseOf(record), ttl, at(2000)));
    }

    void testNothingIsMadeWhenAFirstGrantThrows()
    {
        std::optional<Record> none;
        messageOf<LockStoreError>([&] { acquire(none, wish(ours, ttl, maxFence), at(0)); });
        CPPUNIT_ASSERT(!none);
    }

    void testARecordIsForgottenOnlyWhenItAndItsFenceAreOldEnough()
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

        // The wall clock was set back, the clock that judges was not.
        CPPUNIT_ASSERT(!isForgettable(*record, hour, {2001 + hour.count(), wallAtZero}));
        CPPUNIT_ASSERT(!isForgettable(*record, hour, {2001 + hour.count(), -1}));
    }

    void testALiveRecordIsNeverForgotten()
    {
        auto record = heldByUs();
        record->fence = 1;
        CPPUNIT_ASSERT(!isForgettable(*record, Milliseconds{0}, at(30'999)));
        CPPUNIT_ASSERT(isForgettable(*record, Milliseconds{0}, at(31'001)));
    }

    void testARetentionWithoutEndForgetsNothing()
    {
        auto record = heldByUs();
        record->fence = 1;
        CPPUNIT_ASSERT(!isForgettable(*record, forever, at(1'000'000'000)));
        CPPUNIT_ASSERT(!isForgettable(*record, Milliseconds{std::numeric_limits<std::int64_t>::max() / 1000}, at(1'000'000'000)));
    }

    void testARecordWithoutATokenIsNotLive()
    {
        Record record;
        record.standing = Standing::held;
        record.expiresAt = 1000;
        CPPUNIT_ASSERT(!isLive(record, at(0)));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LeaseRulesTest);
