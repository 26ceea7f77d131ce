#include "Leasehold/HistoryChecker.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

/// The checker finds each violation that a test adds to a correct history, and finds none in the correct history.
class HistoryCheckerTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HistoryCheckerTest);
    CPPUNIT_TEST(testGoodHistoryHasNoViolation);
    CPPUNIT_TEST(testLeasesThatAProcessHandsOnAreCounted);
    CPPUNIT_TEST(testSampleInsideAnothersIntervalIsFound);
    CPPUNIT_TEST(testOverlapsOfThreeHoldersAreFound);
    CPPUNIT_TEST(testPausedHolderThatStillBelievesIsFound);
    CPPUNIT_TEST(testHoldersOfDifferentLocksDoNotOverlap);
    CPPUNIT_TEST(testFenceGrantedTwiceIsFound);
    CPPUNIT_TEST(testFenceThatFallsInTheOrderOfHoldingIsFound);
    CPPUNIT_TEST(testFenceThatFallsBetweenGrantsThatNobodyHeldIsFound);
    CPPUNIT_TEST(testGrantsThatWereAskedForAtOnceMayBeToldInAnyOrder);
    CPPUNIT_TEST(testLockHeldAgainAfterAFalseSampleIsFound);
    CPPUNIT_TEST(testLockHeldAfterItsLossWasToldIsFound);
    CPPUNIT_TEST(testLossThatWasNeverToldIsFound);
    CPPUNIT_TEST(testReleaseRefusedInAValidLeaseIsFound);
    CPPUNIT_TEST(testReleaseRefusedAfterTheLeaseIsNoViolation);
    CPPUNIT_TEST(testReleaseRefusedAfterAnUnknownOneIsNoViolation);
    CPPUNIT_TEST(testReleaseRefusedAfterAnothersUnknownOneIsFound);
    CPPUNIT_TEST(testReleaseOfUnknownOutcomeIsNoViolation);
    CPPUNIT_TEST(testGuardedUpdateThatIsLostIsFound);
    CPPUNIT_TEST(testGuardedUpdateOfAStaleHolderIsFound);
    CPPUNIT_TEST(testGuardedUpdateThatNobodyWroteIsFound);
    CPPUNIT_TEST(testGuardedUpdateMadeTwiceIsFound);
    CPPUNIT_TEST(testUpdateOfAKilledProcessMayBeThereOrNot);
    CPPUNIT_TEST(testFailureIsFound);
    CPPUNIT_TEST(testLostUpdatesOfUnguardedTwinsAreCountedAndNoViolation);
    CPPUNIT_TEST(testLongestTimeWithoutAGrantIsMeasured);
    CPPUNIT_TEST_SUITE_END();

    using Lines = std::vector<HistoryLine>;
    using Kind = HistoryKind;

    static HistoryLine line(HostTime time, Kind kind, Fence fence, const std::string& detail = {}, HostTime since = 0)
    {
        return {time, kind, "L", fence, since, detail};
    }

    static HistoryLine releasing(HostTime time, Fence fence, HostTime until)
    {
        auto result = line(time, Kind::releasing, fence);
        result.until = until;
        return result;
    }

    /// The history of A whose release ends at 40 with this outcome instead.
    static Lines firstWith(Kind kind)
    {
        auto lines = first();
        lines.back().kind = kind;
        return lines;
    }

    /// A holds the lock from 10 to 30 and releases it. B holds it from 50 to 60 and loses it. Both update the resources.
    static Lines first()
    {
        return {line(10, Kind::granted, 100, {}, 5),
                line(11, Kind::heldSample, 100),
                line(20, Kind::heldSample, 100),
                line(25, Kind::writing, 100, "guarded a-1"),
                line(26, Kind::wrote, 100, "guarded a-1"),
                line(30, Kind::heldSample, 100),
                releasing(31, 100, 90),
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

    /// Asserts that there are violations, and that each contains `part`. (Two holders may be reported from both sides.)
    static void assertFound(const std::string& part, const HistoryFindings& findings)
    {
        CPPUNIT_ASSERT_MESSAGE(findings.describe(), !findings.violations.empty());
        for (const auto& violation : findings.violations)
            CPPUNIT_ASSERT_MESSAGE(findings.describe(), violation.find(part) != std::string::npos);
    }

    static Lines with(Lines lines, const HistoryLine& planted)
    {
        lines.push_back(planted);
        return lines;
    }

public:
    void testGoodHistoryHasNoViolation()
    {
        const auto findings = check(first(), second());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violations.size());
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
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violations.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, findings.handedOn);
    }

    void testSampleInsideAnothersIntervalIsFound()
    {
        // B has a true sample at 25, between the samples of A.
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
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{2}, findings.violations.size());
    }

    void testPausedHolderThatStillBelievesIsFound()
    {
        // A has a true sample after B's grant: it lost the lock while it was paused.
        assertFound("two holders", check(with(first(), line(55, Kind::heldSample, 100)), second()));
    }

    void testHoldersOfDifferentLocksDoNotOverlap()
    {
        auto other = line(20, Kind::heldSample, 50);
        other.lock = "M";
        const auto findings = check(first(), with(second(), other));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violations.size());
    }

    void testFenceGrantedTwiceIsFound()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::granted, 100, {}, 5)});
        checker.add("B", {line(50, Kind::granted, 100, {}, 15)});
        assertFound("with one fence", checker.check());
    }

    void testFenceThatFallsInTheOrderOfHoldingIsFound()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::heldSample, 200)});
        checker.add("B", {line(50, Kind::heldSample, 100)});
        assertFound("greater or same fence 200", checker.check());
    }

    void testFenceThatFallsBetweenGrantsThatNobodyHeldIsFound()
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
        checker.add("B", {line(50, Kind::granted, 100, {}, 9)}); // it was paused before it recorded the grant
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, checker.check().violations.size());
    }

    void testLockHeldAgainAfterAFalseSampleIsFound()
    {
        auto b = second();
        b.erase(b.end() - 2); // the loss is not told
        assertFound("held again", check(first(), with(b, line(72, Kind::heldSample, 200))));
    }

    void testLockHeldAfterItsLossWasToldIsFound()
    {
        auto b = second();
        b.pop_back(); // there is no false sample
        assertFound("after its loss had been told", check(first(), with(b, line(72, Kind::heldSample, 200))));
    }

    void testLossThatWasNeverToldIsFound() { assertFound("never told", check(first(), with(second(), line(80, Kind::neverTold, 200)))); }

    /// A release is refused at 40 although its lease was valid until 90.
    void testReleaseRefusedInAValidLeaseIsFound()
    {
        assertFound("was refused to A (fence 100) at 40, although its lease was valid until 90",
                    check(firstWith(Kind::releaseRefused), second()));
    }

    void testReleaseRefusedAfterTheLeaseIsNoViolation()
    {
        auto a = firstWith(Kind::releaseRefused);
        a.back().time = 91;
        const auto findings = check(a, second());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violations.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, findings.releasesRefused);
    }

    void testReleaseRefusedAfterAnUnknownOneIsNoViolation()
    {
        auto a = firstWith(Kind::releaseUnknown);
        a.push_back(releasing(41, 100, 90));
        a.push_back(line(42, Kind::releaseRefused, 100));
        const auto findings = check(a, second());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violations.size());
    }

    void testReleaseRefusedAfterAnothersUnknownOneIsFound()
    {
        auto a = firstWith(Kind::releaseRefused);
        a.push_back(line(41, Kind::releaseUnknown, 101));
        assertFound("although its lease was valid", check(a, second()));
    }

    void testReleaseOfUnknownOutcomeIsNoViolation()
    {
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, check(firstWith(Kind::releaseUnknown), second()).violations.size());
    }

    void testGuardedUpdateThatIsLostIsFound() { assertFound("lost 1 of 2 updates", check(first(), second(), {"b-1"})); }

    void testGuardedUpdateOfAStaleHolderIsFound()
    {
        assertFound("of fence 100 after one of fence 200", check(first(), second(), {"b-1", "a-1"}));
    }

    void testGuardedUpdateThatNobodyWroteIsFound() { assertFound("nobody wrote", check(first(), second(), {"a-1", "x-1", "b-1"})); }

    void testGuardedUpdateMadeTwiceIsFound() { assertFound("twice", check(first(), second(), {"a-1", "a-1", "b-1"})); }

    void testUpdateOfAKilledProcessMayBeThereOrNot()
    {
        auto b = second();
        b.resize(4); // it was killed after "writing"
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, check(first(), b, {"a-1", "b-1"}).violations.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, check(first(), b, {"a-1"}).violations.size());
    }

    void testFailureIsFound() { assertFound("A failed: trouble", check(with(first(), line(90, Kind::failed, 0, "trouble")), second())); }

    void testLostUpdatesOfUnguardedTwinsAreCountedAndNoViolation()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::writing, 100, "trusting a-1"), line(11, Kind::wrote, 100, "trusting a-1")});
        checker.add("B", {line(20, Kind::writing, 200, "trusting b-1"), line(21, Kind::wrote, 200, "trusting b-1")});
        checker.addResource("L", "trusting", {"b-1"});
        const auto findings = checker.check();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(findings.describe(), std::size_t{0}, findings.violations.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, findings.unguarded.at("trusting").accepted);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, findings.unguarded.at("trusting").lost);
    }

    void testLongestTimeWithoutAGrantIsMeasured()
    {
        HistoryChecker checker;
        checker.add("A", {line(10, Kind::granted, 100, {}, 5), line(70, Kind::granted, 300, {}, 60)});
        checker.add("B", {line(30, Kind::granted, 200, {}, 20)});
        CPPUNIT_ASSERT_EQUAL(std::chrono::nanoseconds::rep{40}, checker.check().longestWithoutGrant.count());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HistoryCheckerTest);

} // namespace Leasehold
