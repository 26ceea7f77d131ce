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

/// For each fault, the test of the kit that is made for it and must catch it.
const std::map<std::string, std::string> catchers{
    // holder checks
    {"releaseWithoutOwnerCheck", "adversaries::testStaleHolderCannotReleaseItsSuccessorsLock"},
    {"releaseWithoutFenceCheck", "adversaries::testTokenWithTheFenceOfItsEarlierLeaseIsStale"},
    {"releaseOfAnExpiredLeaseSucceeds", "expiry::testExpiredLeaseIsNotReleased"},
    {"releaseFreesLate", "rule::testReleaseFreesAtOnce"},
    {"replayedReleaseIsALoss", "adversaries::testReleaseWhoseAnswerWasLostIsReleasedWhenSentAgain"},
    {"releaseOfAnAbsentLockSucceeds", "rule::testReleaseOfAnAbsentLockIsNone"},
    {"releaseFreesAllLocksOfTheToken", "adversaries::testSameTokenMayHoldManyLocks"},
    {"renewWithoutOwnerCheck", "adversaries::testStaleHolderCannotRenewItsSuccessorsLock"},
    {"renewWithoutFenceCheck", "adversaries::testTokenWithTheFenceOfItsEarlierLeaseIsStale"},
    {"renewTellsSuccessAlways", "rule::testRenewalWithAnotherTokenIsLostAndChangesNothing"},
    {"replayedRenewalIsALoss", "adversaries::testRenewalWhoseAnswerWasLostIsRenewedWhenSentAgain"},
    {"renewMovesTheTimeOfTheGrant", "rule::testRenewalKeepsFenceMetadataAndTimeOfTheGrant"},
    {"renewRevivesAnExpiredLease", "expiry::testExpiredLeaseIsNotRenewed"},
    {"renewRevivesAReleasedLease", "rule::testRenewalAfterTheReleaseIsLostAndDoesNotRevive"},
    {"renewCreates", "rule::testRenewalOfAnAbsentLockIsLostAndCreatesNothing"},
    {"breakHitsTheSuccessor", "adversaries::testLateBreakDoesNotHitTheNextHolder"},
    {"breakNeverWaitsForTheEnd", "rule::testLockBrokenForItsEndIsLostToItsHolderAndStaysTaken"},
    {"brokenLockIsStillRenewed", "rule::testLockBrokenForItsEndIsLostToItsHolderAndStaysTaken"},
    // grants
    {"successorGetsTheOldToken", "expiry::testExpiredLockGoesToItsSuccessor"},
    {"successorGetsTheOldMetadata", "expiry::testExpiredLockGoesToItsSuccessor"},
    {"lateDuplicateIsGranted", "adversaries::testDuplicateAcquireIsSpentAfterEachKindOfEnd"},
    {"replayIsRefused", "adversaries::testAcquireWhoseAnswerWasLostIsGrantedOnceWhenSentAgain"},
    {"replayShortensTheLease", "rule::testReplayedAcquireLengthensTheLeaseAndNeverShortensIt"},
    {"replayChangesTheMetadata", "rule::testReplayedAcquireKeepsTheMetadataAsFirstGiven"},
    {"replayMovesTheTimeOfTheGrant", "rule::testReplayedAcquireKeepsTheTimeOfTheGrant"},
    {"failedAcquireChangesTheRecord", "rule::testFailedAcquireChangesNothing"},
    {"failedAcquireProlongsTheLease", "expiry::testFailedAcquireDoesNotProlongTheLease"},
    {"busyIsAnError", "rule::testLiveLockIsHeldAndItsHolderTold"},
    // fences
    {"fenceIsAPlainCounter", "fence::testFencesGrowAcrossABackupThatIsRestored"},
    {"fenceRestartsAfterARelease", "fence::testFencesGrowStrictlyHoweverALeaseEnds"},
    {"fenceRestartsAfterAPrune", "fence::testForgottenLockStartsAgainAboveItsLastFence"},
    {"fenceRestartsAfterARestart", "fence::testRestartForgetsNothing"},
    {"fenceIsTheClockAlone", "fence::testFencesGrowWhileTheWallClockGoesBack"},
    {"fenceIgnoresTheFloor", "fence::testFloorLiftsTheFence"},
    {"fencesToSpareAreForgotten", "fence::testFencesThatAGrantSparesAreNoOtherGrants"},
    {"fenceWrapsAtItsLimit", "fence::testFenceAtItsLimitIsNeverPassed"},
    {"fenceIsRaisedByAReplay", "fence::testReplayNeverRaisesTheFence"},
    {"fenceIsOneForAllLocks", "fence::testFencesOfDifferentLocksAreTheirOwn"},
    {"pruneForgetsFencesAheadOfTheClock", "fence::testNothingIsForgottenWhoseFenceTheWallClockWouldGiveAgain"},
    {"pruneIgnoresTheRetention", "rule::testPruneKeepsWhatDiedLessThanTheRetentionAgo"},
    {"pruneCountsFromTheGrant", "rule::testPruneCountsTheRetentionFromTheEndOfTheLease"},
    {"pruneForgetsReleasedLocksOnly", "rule::testPruneForgetsWhatIsDeadForLongerThanTheRetention"},
    {"pruneForgetsLiveLocks", "rule::testPruneKeepsLiveLocks"},
    {"pruneHasNoBound", "batches::testPageOfThePruningIsBoundedAndTheNextOneGoesOn"},
    // clocks
    {"expiryByTheWallClock", "expiry::testWallClockSteppedForwardFreesNothing"},
    {"expiryByEachCallersClock", "expiry::testWhatRemainsIsToldByTheStoragesClock"},
    {"expiryByTheHostsUptime", "expiry::testLeaseThatEndedWhileTheHostWasAwayIsFree"},
    {"timeInWholeSeconds", "expiry::testLeaseIsHeldUntilItsLastMomentAndNoLonger"},
    {"ttlInWholeSeconds", "expiry::testTtlIsNotCutToWholeSeconds"},
    {"renewalTtlInWholeSeconds", "expiry::testTtlIsNotCutToWholeSeconds"},
    {"lastMomentIsTheHoldersToo", "expiry::testLeaseIsHeldUntilItsLastMomentAndNoLonger"},
    {"longTtlOverflows", "expiry::testLockIsKeptForADayWhenThatIsItsTtl"},
    {"leaseOfAClockAheadIsNotCut", "rule::testLeaseLongerThanItsTtlIsCutWhenAnotherAsks"},
    {"renewalCountsFromTheLastEnd", "expiry::testEachRenewalCountsFromItsOwnMoment"},
    // steps
    {"acquireIsTwoSteps", "atomicity::testLateAcquireInAnotherThreadHarmsNoGrant"},
    {"renewIsTwoSteps", "atomicity::testLateRenewalInAnotherThreadHarmsNoGrant"},
    {"releaseIsTwoSteps", "atomicity::testLateReleaseInAnotherThreadHarmsNoGrant"},
    {"breakIsTwoSteps", "atomicity::testLateBreakInAnotherThreadHarmsNoGrant"},
    {"breakForItsEndIsTwoSteps", "atomicity::testLateBreakForItsEndInAnotherThreadHarmsNoGrant"},
    {"pruneIsTwoSteps", "atomicity::testPruneInAnotherThreadHarmsNoGrant"},
    // answers
    {"outageIsBusy", "trouble::testOutageIsNeitherBusyNorLost"},
    {"outageIsALoss", "trouble::testOutageIsNeitherBusyNorLost"},
    {"outageIsALastingError", "trouble::testOutageIsNeitherBusyNorLost"},
    {"releaseInAnOutageIsSilent", "trouble::testOutageIsNeitherBusyNorLost"},
    {"outageIsNobody", "trouble::testOutageIsNotNobody"},
    {"outageIsAnEmptyList", "trouble::testOutageIsNotNobody"},
    {"outageIsAPruneOfNothing", "trouble::testOutageIsNoPruneOfNothing"},
    {"outageIsASetUp", "trouble::testStorageThatCannotBeReadIsNotPrepared"},
    {"infoAsksTheStorage", "trouble::testStoreSaysWhatItIsDuringAnOutage"},
    {"infoIsEmpty", "trouble::testStoreSaysWhatItIs"},
    {"failedSetUpIsRemembered", "trouble::testFailedPreparationIsNotRemembered"},
    {"setUpDeletesLiveLocks", "adversaries::testPreparingAgainHarmsNoLiveLock"},
    {"newerSchemaIsUsed", "trouble::testStorageOfANewerVersionIsRefusedAndLeftAsItIs"},
    {"deadlineIsIgnored", "trouble::testCallWhoseDeadlineHasPassedIsUnavailable"},
    {"cancellationIsIgnored", "trouble::testCallThatIsCancelledIsUnavailable"},
    {"renewalIsAnsweredFromACache", "trouble::testLeasesInAStorageThatLostEverythingAreLost"},
    {"namesAreFoldedByCase", "names::testEveryNameIsALockOfItsOwn"},
    {"namesAreCut", "names::testEveryNameIsALockOfItsOwn"},
    {"namesAreTrimmed", "names::testEveryNameIsALockOfItsOwn"},
    {"namesAreTakenForPaths", "names::testEveryNameIsALockOfItsOwn"},
    {"prefixIsAPattern", "names::testPrefixSelectsByBytesAndNothingElse"},
    {"listIgnoresWhereThePageBegins", "names::testPageOfTheListGoesOnWhereTheLastOneEnded"},
    {"listLimitCountsTheDead", "rule::testLimitOfAListCountsLiveLocksOnly"},
    {"expiredLocksAreShown", "expiry::testListAndPruneKnowAnExpiredLockAsDead"},
    {"tokensAreShownByList", "rule::testNoTokenLeavesTheStore"},
    {"metadataIsLostByARenewal", "names::testMetadataSurvivesRenewals"},
    {"metadataIsCut", "names::testMetadataComesBackByteByByte"},
    {"emptyBatchIsAnError", "batches::testRenewalOfNothingAnswersNothing"},
    {"oneBadItemFailsTheBatch", "batches::testBadItemsDoNotHarmTheGoodOnes"},
    {"repliesComeInAnotherOrder", "batches::testBatchIsAnsweredInTheOrderOfItsRequests"},
    {"batchIsCutAtAThousand", "batches::testBatchOfThousandsIsAnsweredToTheLastItem"},
    // notes
    {"noteIsNotTold", "waiting::testReleaseOfAWantedLockSaysSo"},
    {"everyRefusedAcquireIsAWaiter", "waiting::testReleaseOfALockThatNobodyWaitsForIsNotWanted"},
    {"noteIsLostByARenewal", "waiting::testNoteOfAWaiterSurvivesRenewalsAndARelease"},
    {"noteOutlivesAGrant", "waiting::testGrantToAWaiterErasesItsNote"},
    {"everyGrantErasesTheNote", "waiting::testGrantToAnotherKeepsTheNoteOfAWaiter"},
    {"noteNeverEnds", "waiting::testWaiterThatDoesNotComeBackIsForgotten"},
    {"onlyTheFirstWaiterIsNoted", "waiting::testLockIsWantedAsLongAsItsWaiterComesBackInTime"},
    {"brokenLockIsShownAsHeld", "waiting::testBrokenLockIsShownAsBrokenUntilItEnds"},
    {"breakIsNotToldToItsHolder", "waiting::testHolderOfABrokenLockIsToldWhyItLostIt"},
    {"everyRefusalIsToldAsABreak", "waiting::testLossByAnotherCauseIsNotToldAsABreak"},
    {"secondBreakFails", "waiting::testBreakThatIsSentAgainSucceedsAgain"},
    // feeds
    {"releaseIsNotToldToOthers", "feed::testEachWantedReleaseIsTold"},
    {"everyReleaseIsTold", "feed::testReleaseThatNobodyWantsIsNotTold"},
    {"breakIsNotToldToWaiters", "feed::testBreakThatFreesIsTold"},
    {"watchIsNotConfirmed", "feed::testNoReleaseIsLostBetweenHeldAndWatch"},
    {"watchIsConfirmedBeforeItHears", "feed::testNoReleaseIsLostBetweenHeldAndWatch"},
    {"unwatchIsIgnored", "feed::testUnwatchedNameIsNotTold"},
    {"feedOutlivesItsEnd", "feed::testDestroyedFeedTellsNothing"},
    {"deafnessIsNotTold", "feed::testDeafFeedSaysSoOnceAndConfirmsAgain"},
};

/// Tests of the kit that catch no fault, with the reason.
const std::map<std::string, std::string> catchingNone{};

/// The tests of the kit that catch the fault; the kit runs only once.
const std::set<std::string>& caughtBy(const BrokenStore& store)
{
    static std::map<std::string, std::set<std::string>> known;
    const auto place = known.find(store.fault);
    return place != known.end() ? place->second : known.emplace(store.fault, testsThatCatch(store)).first->second;
}

/// One fault, and the kit's result.
class BrokenStoreTest : public CppUnit::TestCase
{
public:
    explicit BrokenStoreTest(const BrokenStore& store) : CppUnit::TestCase("broken::" + store.fault), _store(store) {}

protected:
    void runTest() override
    {
        const auto& expected = catchers.at(_store.fault);
        auto caught = caughtBy(_store);
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

/// One test for each fault: the output is the table of faults and tests that catch them.
class BrokenStoresTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(BrokenStoresTest);
    CPPUNIT_TEST(testEveryFaultIsListedOnceWithItsCatcherAndItsOrigin);
    for (const auto& store : brokenStores())
        context.addTest(new BrokenStoreTest(store)); // the suite owns it
    CPPUNIT_TEST(testEveryTestOfTheKitCatchesAFault);
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

    /// A test that catches no fault may be unable to fail.
    void testEveryTestOfTheKitCatchesAFault()
    {
        std::set<std::string> idle = testsOfTheKit();
        for (const auto& store : brokenStores())
            for (const auto& name : caughtBy(store))
                idle.erase(name);
        for (const auto& [name, reason] : catchingNone)
            CPPUNIT_ASSERT_MESSAGE(name + " is declared to catch no fault (" + reason + "), but is no test of the kit or catches one",
                                   idle.erase(name) == 1);
        std::string names;
        for (const auto& name : idle)
            names += "\n" + name;
        CPPUNIT_ASSERT_MESSAGE("these tests catch no fault: add the broken store that they catch, or say why there is none:" + names,
                               idle.empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BrokenStoresTest);

} // namespace
} // namespace Leasehold
