#include "Leasehold/HistoryChecker.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

/// The checker finds each violation that is planted in a good history, and nothing in the good one.
class HistoryCheckerTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HistoryCheckerTest);
    CPPUNIT_TEST(testAGoodHistoryHasNoViolation);
    CPPUNIT_TEST(testLeasesThatAProcessHandsOnAreCounted);
    CPPUNIT_TEST(testASampleInsideAnothersIntervalIsFound);
    CPPUNIT_TEST(testOverlapsOfThreeHoldersAreFound);
    CPPUNIT_TEST(testAPausedHolderThatStillBelievesIsFound);
    CPPUNIT_TEST(testHoldersOfDifferentLocksDoNotOverlap);
    CPPUNIT_TEST(testAFenceGrantedTwiceIsFound);
    CPPUNIT_TEST(testAFenceThatFallsInTheOrderOfHoldingIsFound);
    CPPUNIT_TEST(testAFenceThatFallsBetweenGrantsThatNobodyHeldIsFound);
    CPPUNIT_TEST(testGrantsThatWereAskedForAtOnceMayBeToldInAnyOrder);
    CPPUNIT_TEST(testALockHeldAgainAfterAFalseSampleIsFound);
    CPPUNIT_TEST(testALockHeldAfterItsLossWasToldIsFound);
    CPPUNIT_TEST(testALossThatWasNeverToldIsFound);
    CPPUNIT_TEST(testAGuardedUpdateThatIsLostIsFound);
    CPPUNIT_TEST(testAGuardedUpdateOfAStaleHolderIsFound);
    CPPUNIT_TEST(testAGuardedUpdateThatNobodyWroteIsFound);
    CPPUNIT_TEST(testAGuardedUpdateMadeTwiceIsFound);
    CPPUNIT_TEST(testAnUpdateOfAProcessKilledBeforeItWasAcceptedMayBeThereOrNot);
    CPPUNIT_TEST(testAFailureIsFound);
    CPPUNIT_TEST(testLostUpdatesOfUnguardedTwinsAreCountedAndNoViolation);
    CPPUNIT_TEST(testTheLongestTimeWithoutAGrantIsMeasured);
    CPPUNIT_TEST_SUITE_END();

    using Lines = std::vector<HistoryLine>;
    using Kind = HistoryKind;

    static HistoryLine line(HostTime time, Kind kind, Fence fence, const std::string& detail = {}, HostTime since = 0)
    {
        return {time, kind, "L", fence, since, detail};
    }

    /// A holds the lock from 10 to 30 and releases it; B holds it from 50 to 60 and loses it. Both make their updates.
    static Lines first()
    {
        return {line(10, Kind::granted, 100, {}, 5),
                line(11, Kind::heldSample, 100),
                line(20, Kind::heldSample, 100),
                line(25, Kind::writing, 100, "guarded a-1"),
                line(26, Kind::wrote, 100, "guarded a-1"),
                line(30, Kind::heldSample, 100),
                line(31, Kind::releasing, 100),
                line(40, Kind::released, 100)};
    }
    static Lines second()
    {
        return {line(50, Kind::granted, 200, {}, 15),        line(51, Kind::heldSample, 200),           line(60, Kind::heldSample, 200),
                line(61, Kind::writing, 200, "guarded b-1"), line(62, Kind::wrote, 200, "guarded b-1"), line(70, Kind::toldLost, 200),
                line(71, Kind::notHeldSample, 200)};
    }

    static HistoryFindings check(Lines a, Lines b, std::vector<std::string> guarded = {"a-1", "b-1"})
    {
        HistoryChecker checker;
        checker.add("A", std::move(a));
        checker.add("B", std::move(b));
        checker.addResource("L", "guarded", std::move(guarded));
        return checker.check();
    }

    /// Something was found, and nothing that does not contain `part`: two holders are found from the side of each.
    static void assertFound(const std::string& part, const HistoryFindings& findings)
    {
        CPPUNIT_ASSERT_MESSAGE(findings.describe(), findings.violationsInAll != 0);
        for (const auto& violation : findings.violations)
            CPPUNIT_ASSERT_MESSAGE(findings.describe(), violation.find(part) != std::string::npos);
    }

    static Lines with(Lines lines, const HistoryLine& planted)
    {
        lines.push_back(planted);
        return lines;
    }

public:
    void testAGoodHistoryHasNoViolation()
    {
        const auto findings = check(first(), second());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violationsInAll);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, findings.grants);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, findings.handedOn);
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, findings.heldSamples);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, findings.losses);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, findings.released);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, findings.guardedWrites);
    }

    void testLeasesThatAProcessHandsOnAreCounted()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::granted, 100, {}, 9), line(20, Kind::granted, 101, {}, 9), line(30, Kind::granted, 102, {}, 9)});
        checker.add("B", {line(40, Kind::granted, 103, {}, 35), line(50, Kind::granted, 105, {}, 36)});
        const auto findings = checker.check();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violationsInAll);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, findings.handedOn);
    }

    void testASampleInsideAnothersIntervalIsFound()
    {
        // B believes at 25, between the samples of A.
        auto b = second();
        b.insert(b.begin() + 1, line(25, Kind::heldSample, 200));
        b[0].time = 24;
        assertFound("two holders", check(first(), b));
    }

    void testOverlapsOfThreeHoldersAreFound()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::heldSample, 100), line(40, Kind::heldSample, 100)});
        checker.add("B", {line(20, Kind::heldSample, 200), line(21, Kind::heldSample, 200)});
        checker.add("C", {line(30, Kind::heldSample, 300), line(50, Kind::heldSample, 300)});
        const auto findings = checker.check();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{2}, findings.violationsInAll);
    }

    void testAPausedHolderThatStillBelievesIsFound()
    {
        // A says after B's grant that it holds the lock: the pause had taken it away.
        assertFound("two holders", check(with(first(), line(55, Kind::heldSample, 100)), second()));
    }

    void testHoldersOfDifferentLocksDoNotOverlap()
    {
        auto other = line(20, Kind::heldSample, 50);
        other.lock = "M";
        const auto findings = check(first(), with(second(), other));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violationsInAll);
    }

    void testAFenceGrantedTwiceIsFound()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::granted, 100, {}, 5)});
        checker.add("B", {line(50, Kind::granted, 100, {}, 15)});
        assertFound("with one fence", checker.check());
    }

    void testAFenceThatFallsInTheOrderOfHoldingIsFound()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::heldSample, 200)});
        checker.add("B", {line(50, Kind::heldSample, 100)});
        assertFound("greater or same fence 200", checker.check());
    }

    void testAFenceThatFallsBetweenGrantsThatNobodyHeldIsFound()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::granted, 200, {}, 5)});
        checker.add("B", {line(50, Kind::granted, 100, {}, 11)});
        assertFound("smaller fence", checker.check());
    }

    void testGrantsThatWereAskedForAtOnceMayBeToldInAnyOrder()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::granted, 200, {}, 5)});
        checker.add("B", {line(50, Kind::granted, 100, {}, 9)}); // it was paused before it could write this down
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, checker.check().violationsInAll);
    }

    void testALockHeldAgainAfterAFalseSampleIsFound()
    {
        auto b = second();
        b.erase(b.end() - 2); // not told
        assertFound("held again", check(first(), with(b, line(72, Kind::heldSample, 200))));
    }

    void testALockHeldAfterItsLossWasToldIsFound()
    {
        auto b = second();
        b.pop_back(); // no false sample
        assertFound("after its loss had been told", check(first(), with(b, line(72, Kind::heldSample, 200))));
    }

    void testALossThatWasNeverToldIsFound() { assertFound("never told", check(first(), with(second(), line(80, Kind::neverTold, 200)))); }

    void testAGuardedUpdateThatIsLostIsFound() { assertFound("lost 1 of 2 updates", check(first(), second(), {"b-1"})); }

    void testAGuardedUpdateOfAStaleHolderIsFound()
    {
        assertFound("of fence 100 after one of fence 200", check(first(), second(), {"b-1", "a-1"}));
    }

    void testAGuardedUpdateThatNobodyWroteIsFound() { assertFound("nobody wrote", check(first(), second(), {"a-1", "x-1", "b-1"})); }

    void testAGuardedUpdateMadeTwiceIsFound() { assertFound("twice", check(first(), second(), {"a-1", "a-1", "b-1"})); }

    void testAnUpdateOfAProcessKilledBeforeItWasAcceptedMayBeThereOrNot()
    {
        auto b = second();
        b.resize(4); // killed after "writing"
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, check(first(), b, {"a-1", "b-1"}).violationsInAll);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, check(first(), b, {"a-1"}).violationsInAll);
    }

    void testAFailureIsFound() { assertFound("A failed: trouble", check(with(first(), line(90, Kind::failed, 0, "trouble")), second())); }

    void testLostUpdatesOfUnguardedTwinsAreCountedAndNoViolation()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::writing, 100, "trusting a-1"), line(11, Kind::wrote, 100, "trusting a-1")});
        checker.add("B", {line(20, Kind::writing, 200, "trusting b-1"), line(21, Kind::wrote, 200, "trusting b-1")});
        checker.addResource("L", "trusting", {"b-1"});
        const auto findings = checker.check();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violationsInAll);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, findings.unguarded.at("trusting").accepted);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, findings.unguarded.at("trusting").lost);
    }

    void testTheLongestTimeWithoutAGrantIsMeasured()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::granted, 100, {}, 5), line(70, Kind::granted, 300, {}, 60)});
        checker.add("B", {line(30, Kind::granted, 200, {}, 20)});
        CPPUNIT_ASSERT_EQUAL(std::chrono::nanoseconds::rep{40}, checker.check().longestWithoutGrant.count());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HistoryCheckerTest);

} // namespace Leasehold
