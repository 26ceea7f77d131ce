#include "LockSteps.h"
#include "preparation.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>

namespace Leasehold::Redis
{

/// Replies that no script of ours gives: another program writes to the keys, or the server is none of those that we know.
class LockStepsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(LockStepsTest);
    CPPUNIT_TEST(testNonsenseAsAWholeIsRefused);
    CPPUNIT_TEST(testNonsenseForAStepFailsThatStep);
    CPPUNIT_TEST(testDamagedRecordFailsItsStep);
    CPPUNIT_TEST(testNonsenseInsteadOfRecordsIsRefused);
    CPPUNIT_TEST(testNonsenseAboutTheServerIsRefused);
    CPPUNIT_TEST_SUITE_END();

    static Reply read(const std::string& bytes)
    {
        ReplyReader reader;
        reader.feed(bytes);
        return reader.next().value();
    }

    static std::array<BatchStep, 3> stepsOfEachKind()
    {
        return {BatchStep(AcquireRequest{.name = "a", .token = "t", .ttl = Milliseconds{1000}}),
                BatchStep(RenewRequest{{"a", "t", 1}, Milliseconds{1000}}), BatchStep(LeaseRef{"a", "t", 1})};
    }

    static std::string failureOf(BatchStep& step, const std::string& item)
    {
        std::array<BatchStep*, 1> steps{&step};
        settle(steps, read("*4\r\n$2\r\nok\r\n:5\r\n:6\r\n" + item), "place");
        const auto* const failure = step.failure();
        CPPUNIT_ASSERT_MESSAGE(item, failure != nullptr && !failure->unavailable);
        return failure->message;
    }

    template <typename Work>
    static void assertRefused(const Work& work)
    {
        try
        {
            work();
        }
        catch (const LockStoreError& problem)
        {
            CPPUNIT_ASSERT_MESSAGE(problem.message(), problem.message().starts_with("place: the answer of the server makes no sense"));
            return;
        }
        CPPUNIT_FAIL("it was not refused");
    }

public:
    void testNonsenseAsAWholeIsRefused()
    {
        BatchStep step(LeaseRef{"a", "t", 1});
        std::array<BatchStep*, 1> steps{&step};
        for (const std::string bytes : {":1\r\n", "*3\r\n$2\r\nok\r\n:5\r\n:6\r\n", "*4\r\n$2\r\nno\r\n:5\r\n:6\r\n:1\r\n",
                                        "*4\r\n$2\r\nok\r\n:-5\r\n:6\r\n:1\r\n", "*4\r\n$2\r\nok\r\n:5\r\n$1\r\n6\r\n:1\r\n"})
            assertRefused([&] { settle(steps, read(bytes), "place"); });
        CPPUNIT_ASSERT(!step.hasOutcome());
    }

    void testNonsenseForAStepFailsThatStep()
    {
        auto [acquire, renewal, release] = stepsOfEachKind();
        for (const std::string item :
             {":1\r\n", "*0\r\n", "*1\r\n$4\r\nwhat\r\n", "*1\r\n$7\r\ngranted\r\n",
              "*6\r\n$7\r\ngranted\r\n:0\r\n:1\r\n:2\r\n:3\r\n:0\r\n", "*6\r\n$4\r\nheld\r\n:1\r\n:1\r\n:2\r\n:3\r\n:0\r\n"})
            CPPUNIT_ASSERT(failureOf(acquire, item).find("makes no sense") != std::string::npos);
        for (const std::string item : {"$1\r\n1\r\n", ":-2\r\n", "*0\r\n"})
            CPPUNIT_ASSERT(failureOf(renewal, item).find("makes no sense") != std::string::npos);
        for (const std::string item : {"$1\r\n1\r\n", ":-2\r\n", ":3\r\n"})
            CPPUNIT_ASSERT(failureOf(release, item).find("makes no sense") != std::string::npos);
    }

    void testDamagedRecordFailsItsStep()
    {
        for (auto& step : stepsOfEachKind())
            CPPUNIT_ASSERT(failureOf(step, "*1\r\n$7\r\ntrouble\r\n").find("the record of the lock \"a\" is damaged") != std::string::npos);
    }

    void testNonsenseInsteadOfRecordsIsRefused()
    {
        for (const std::string bytes : {":1\r\n", "*1\r\n:1\r\n", "*2\r\n:-1\r\n:0\r\n", "*2\r\n:1\r\n*1\r\n:1\r\n"})
            assertRefused([&] { recordIn(read(bytes), 1, "a", "place"); });
        for (const std::string bytes : {":1\r\n", "*1\r\n:1\r\n", "*1\r\n*-1\r\n"})
            assertRefused([&] { namesIn(read(bytes), "place"); });
        for (const std::string bytes : {":1\r\n", "*2\r\n$2\r\nok\r\n$1\r\n1\r\n", "*2\r\n$2\r\nok\r\n:-1\r\n", "*2\r\n$2\r\nno\r\n:1\r\n"})
            assertRefused([&] { numberIn(read(bytes), "place"); });
    }

    void testNonsenseAboutTheServerIsRefused()
    {
        assertRefused([] { requireNoEviction(read("*0\r\n"), "place"); });
        assertRefused([] { requireRights(read("+OK\r\n"), "place"); });
        requireNoEviction(read("$8\r\n# Memory\r\n"), "place");
        CPPUNIT_ASSERT_THROW(requireDurable(read("*0\r\n"), "place"), LockStoreError);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LockStepsTest);

} // namespace Leasehold::Redis
