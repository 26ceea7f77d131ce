#include "KitOnBrokenStore.h"

#include <cppunit/TestCase.h>
#include <cppunit/TestFixture.h>
#include <cppunit/TestSuite.h>
#include <cppunit/extensions/HelperMacros.h>

#include <iostream>
#include <map>

namespace Leasehold
{
namespace
{

/// The test of the kit that is about just this fault, and must catch it, whatever others do.
const std::map<std::string, std::string> catchers{
    // holder checks
    {"releaseWithoutOwnerCheck", "adversaries::testAStaleHolderCannotReleaseItsSuccessorsLock"},
    {"releaseWithoutFenceCheck", "adversaries::testATokenWithTheFenceOfItsEarlierLeaseIsStale"},
    {"releaseOfAnExpiredLeaseSucceeds", "expiry::testAnExpiredLeaseIsNotReleased"},
    {"releaseFreesLate", "rule::testAReleaseFreesAtOnce"},
    {"replayedReleaseIsALoss", "adversaries::testAReleaseWhoseAnswerWasLostIsReleasedWhenSentAgain"},
    {"renewWithoutOwnerCheck", "adversaries::testAStaleHolderCannotRenewItsSuccessorsLock"},
    {"renewWithoutFenceCheck", "adversaries::testATokenWithTheFenceOfItsEarlierLeaseIsStale"},
    {"renewTellsSuccessAlways", "rule::testARenewalWithAnotherTokenIsLostAndChangesNothing"},
    {"renewRevivesAnExpiredLease", "expiry::testAnExpiredLeaseIsNotRenewed"},
    {"renewRevivesAReleasedLease", "rule::testARenewalAfterTheReleaseIsLostAndDoesNotRevive"},
    {"renewCreates", "rule::testARenewalOfAnAbsentLockIsLostAndCreatesNothing"},
    {"breakHitsTheSuccessor", "adversaries::testALateBreakDoesNotHitTheNextHolder"},
    {"breakNeverWaitsForTheEnd", "rule::testALockBrokenForItsEndIsLostToItsHolderAndStaysTaken"},
    {"brokenLockIsStillRenewed", "rule::testALockBrokenForItsEndIsLostToItsHolderAndStaysTaken"},
    // grants
    {"successorGetsTheOldToken", "expiry::testAnExpiredLockGoesToItsSuccessor"},
    {"successorGetsTheOldMetadata", "expiry::testAnExpiredLockGoesToItsSuccessor"},
    {"lateDuplicateIsGranted", "adversaries::testADuplicateAcquireIsSpentAfterEachKindOfEnd"},
    {"replayIsRefused", "adversaries::testAnAcquireWhoseAnswerWasLostIsGrantedOnceWhenSentAgain"},
    {"replayShortensTheLease", "rule::testAReplayedAcquireLengthensTheLeaseAndNeverShortensIt"},
    {"replayChangesTheMetadata", "rule::testAReplayedAcquireKeepsTheMetadataAsFirstGiven"},
    {"failedAcquireChangesTheRecord", "rule::testAFailedAcquireChangesNothing"},
    {"failedAcquireProlongsTheLease", "expiry::testAFailedAcquireDoesNotProlongTheLease"},
    {"busyIsAnError", "rule::testALiveLockIsHeldAndItsHolderTold"},
    {"updateIsLostUnderThreads", "threads::testOfManyThreadsThatRaceForALockOneGetsIt"},
    // fences
    {"fenceIsAPlainCounter", "fence::testFencesGrowAcrossABackupThatIsRestored"},
    {"fenceRestartsAfterARelease", "fence::testFencesGrowStrictlyHoweverALeaseEnds"},
    {"fenceRestartsAfterAPrune", "fence::testAForgottenLockStartsAgainAboveItsLastFence"},
    {"fenceRestartsAfterARestart", "fence::testARestartForgetsNothing"},
    {"fenceIsTheClockAlone", "fence::testFencesGrowWhileTheWallClockGoesBack"},
    {"fenceIgnoresTheFloor", "fence::testAFloorLiftsTheFence"},
    {"fencesToSpareAreForgotten", "fence::testTheFencesThatAGrantSparesAreNoOtherGrants"},
    {"fenceWrapsAtItsLimit", "fence::testAFenceAtItsLimitIsNeverPassed"},
    {"fenceIsRaisedByAReplay", "fence::testAReplayNeverRaisesTheFence"},
    {"fenceIsOneForAllLocks", "fence::testFencesOfDifferentLocksAreTheirOwn"},
    {"pruneForgetsFencesAheadOfTheClock", "fence::testNothingIsForgottenWhoseFenceTheWallClockWouldGiveAgain"},
    {"pruneIgnoresTheRetention", "rule::testPruneKeepsWhatDiedLessThanTheRetentionAgo"},
    {"pruneForgetsLiveLocks", "rule::testPruneKeepsLiveLocks"},
    {"pruneHasNoBound", "batches::testAPageOfThePruningIsBoundedAndTheNextOneGoesOn"},
    // clocks
    {"expiryByTheWallClock", "expiry::testAWallClockSteppedForwardFreesNothing"},
    {"expiryByEachCallersClock", "expiry::testWhatRemainsIsToldByTheStoragesClock"},
    {"expiryByTheHostsUptime", "expiry::testALeaseThatEndedWhileTheHostWasAwayIsFree"},
    {"timeInWholeSeconds", "expiry::testALeaseIsHeldUntilItsLastMomentAndNoLonger"},
    {"lastMomentIsTheHoldersToo", "expiry::testALeaseIsHeldUntilItsLastMomentAndNoLonger"},
    {"longTtlOverflows", "expiry::testALockIsKeptForADayWhenThatIsItsTtl"},
    {"leaseOfAClockAheadIsNotCut", "rule::testALeaseLongerThanItsTtlIsCutWhenAnotherAsks"},
    {"renewalCountsFromTheLastEnd", "expiry::testEachRenewalCountsFromItsOwnMoment"},
    // answers
    {"outageIsBusy", "trouble::testAnOutageIsNeitherBusyNorLost"},
    {"outageIsALoss", "trouble::testAnOutageIsNeitherBusyNorLost"},
    {"outageIsALastingError", "trouble::testAnOutageIsNeitherBusyNorLost"},
    {"releaseInAnOutageIsSilent", "trouble::testAnOutageIsNeitherBusyNorLost"},
    {"failedSetUpIsRemembered", "trouble::testAFailedPreparationIsNotRemembered"},
    {"setUpDeletesLiveLocks", "adversaries::testPreparingAgainHarmsNoLiveLock"},
    {"newerSchemaIsUsed", "trouble::testAStorageOfANewerVersionIsRefusedAndLeftAsItIs"},
    {"deadlineIsIgnored", "trouble::testACallWhoseDeadlineHasPassedIsUnavailable"},
    {"cancellationIsIgnored", "trouble::testACallThatIsCancelledIsUnavailable"},
    {"renewalIsAnsweredFromACache", "trouble::testLeasesInAStorageThatLostEverythingAreLost"},
    {"namesAreFoldedByCase", "names::testEveryNameIsALockOfItsOwn"},
    {"namesAreCut", "names::testEveryNameIsALockOfItsOwn"},
    {"namesAreTrimmed", "names::testEveryNameIsALockOfItsOwn"},
    {"prefixIsAPattern", "names::testAPrefixSelectsByBytesAndNothingElse"},
    {"listIgnoresWhereThePageBegins", "names::testAPageOfTheListGoesOnWhereTheLastOneEnded"},
    {"expiredLocksAreShown", "expiry::testListAndPruneKnowAnExpiredLockAsDead"},
    {"tokensAreShownByList", "rule::testNoTokenLeavesTheStore"},
    {"metadataIsLostByARenewal", "names::testMetadataSurvivesRenewals"},
    {"metadataIsCut", "names::testMetadataComesBackByteByByte"},
    {"oneBadItemFailsTheBatch", "batches::testBadItemsDoNotHarmTheGoodOnes"},
    {"repliesComeInAnotherOrder", "batches::testABatchIsAnsweredInTheOrderOfItsRequests"},
    {"batchIsCutAtAThousand", "batches::testABatchOfThousandsIsAnsweredToTheLastItem"},
};

/// One fault, and what the kit says of it.
class BrokenStoreTest : public CppUnit::TestCase
{
public:
    explicit BrokenStoreTest(const BrokenStore& store) : CppUnit::TestCase("broken::" + store.fault), _store(store) {}

protected:
    void runTest() override
    {
        const auto& expected = catchers.at(_store.fault);
        auto caught = testsThatCatch(_store);
        CPPUNIT_ASSERT_MESSAGE("the kit passes " + _store.fault, !caught.empty());
        CPPUNIT_ASSERT_MESSAGE(_store.fault + " passes " + expected + ", though other tests catch it: " + *caught.begin(),
                               caught.contains(expected));
        caught.erase(expected);
        std::cout << "\n    " << expected;
        for (const auto& other : caught)
            std::cout << "\n    " << other;
    }

private:
    const BrokenStore& _store;
};

/// All faults, as tests of their own: the runner's output is the table of what catches what.
class BrokenStoresTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(BrokenStoresTest);
    CPPUNIT_TEST(testEveryFaultIsListedOnceWithItsCatcherAndItsOrigin);
    for (const auto& store : brokenStores())
        context.addTest(new BrokenStoreTest(store)); // the suite owns it
    CPPUNIT_TEST_SUITE_END();

public:
    void testEveryFaultIsListedOnceWithItsCatcherAndItsOrigin()
    {
        std::set<std::string> faults;
        for (const auto& store : brokenStores())
        {
            CPPUNIT_ASSERT_MESSAGE(store.fault, faults.insert(store.fault).second);
            CPPUNIT_ASSERT_MESSAGE(store.fault, catchers.contains(store.fault));
            CPPUNIT_ASSERT_MESSAGE(store.fault, !store.seenIn.empty());
        }
        CPPUNIT_ASSERT_EQUAL(catchers.size(), faults.size());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BrokenStoresTest);

} // namespace
} // namespace Leasehold
