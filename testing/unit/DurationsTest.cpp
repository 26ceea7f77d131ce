#include "Leasehold/Durations.h"
#include "Leasehold/ManualClock.h"
#include "Leasehold/Store/CallContext.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace Leasehold;

class DurationsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(DurationsTest);
    CPPUNIT_TEST(testEveryUnitIsRead);
    CPPUNIT_TEST(testWhatIsWrittenIsReadBack);
    CPPUNIT_TEST(testGreatestUnitThatDividesIsWritten);
    CPPUNIT_TEST(testRubbishIsNoDuration);
    CPPUNIT_TEST(testWhatDoesNotFitIsRefused);
    CPPUNIT_TEST(testForeverIsWrittenAndNeverReadAsANumber);
    CPPUNIT_TEST(testTimeLeftIsRoundedDownAndNeverNegative);
    CPPUNIT_TEST(testContextOfTheSystemsClockEnds);
    CPPUNIT_TEST(testCancelledContextSaysSo);
    CPPUNIT_TEST_SUITE_END();

    static void assertReads(const std::string& text, std::int64_t milliseconds)
    {
        const auto read = parseDuration(text);
        CPPUNIT_ASSERT_MESSAGE(text, read.has_value());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(text, milliseconds, static_cast<std::int64_t>(read->count()));
    }

public:
    void testEveryUnitIsRead()
    {
        assertReads("250ms", 250);
        assertReads("30s", 30'000);
        assertReads("5m", 300'000);
        assertReads("1h", 3'600'000);
        assertReads("0", 0);
        assertReads("0ms", 0);
        assertReads("0h", 0);
        assertReads("007s", 7000);
    }

    void testWhatIsWrittenIsReadBack()
    {
        for (const std::int64_t count :
             {0LL, 1LL, 999LL, 1000LL, 1500LL, 60'000LL, 61'000LL, 3'600'000LL, 86'400'000LL, 86'400'001LL, 9'223'372'036'854'775'806LL})
            assertReads(formatDuration(Milliseconds{count}), count);
    }

    void testGreatestUnitThatDividesIsWritten()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("0"), formatDuration(Milliseconds{0}));
        CPPUNIT_ASSERT_EQUAL(std::string("1500ms"), formatDuration(Milliseconds{1500}));
        CPPUNIT_ASSERT_EQUAL(std::string("30s"), formatDuration(Milliseconds{30'000}));
        CPPUNIT_ASSERT_EQUAL(std::string("90s"), formatDuration(Milliseconds{90'000}));
        CPPUNIT_ASSERT_EQUAL(std::string("2m"), formatDuration(Milliseconds{120'000}));
        CPPUNIT_ASSERT_EQUAL(std::string("24h"), formatDuration(std::chrono::hours{24}));
        CPPUNIT_ASSERT_EQUAL(std::string("-5s"), formatDuration(Milliseconds{-5000}));
        CPPUNIT_ASSERT_EQUAL(std::string("-9223372036854775808ms"), formatDuration(Milliseconds::min()));
    }

    void testRubbishIsNoDuration()
    {
        for (const char* text : {"",    " ",   "s",  "ms", "30",   "1",     "00",   "-1s",  "+1s",     "1.5s", "1 s",
                                 " 1s", "1s ", "1S", "1d", "1sec", "1h30m", "0x1s", "1e3s", "forever", "s1",   "1\xC2\xB5s"})
            CPPUNIT_ASSERT_MESSAGE(text, !parseDuration(text));
        CPPUNIT_ASSERT(!parseDuration(std::string_view("1s\0", 3)));
    }

    void testWhatDoesNotFitIsRefused()
    {
        assertReads("2562047788015h", 2'562'047'788'015LL * 3'600'000);
        for (const char* text : {"2562047788016h", "9223372036854775807ms", "9223372036854775808ms", "9223372036854776s",
                                 "99999999999999999999999999ms", "18446744073709551617s"})
            CPPUNIT_ASSERT_MESSAGE(text, !parseDuration(text));
    }

    void testForeverIsWrittenAndNeverReadAsANumber()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("forever"), formatDuration(forever));
        CPPUNIT_ASSERT(!parseDuration("9223372036854775807ms"));
    }

    void testTimeLeftIsRoundedDownAndNeverNegative()
    {
        ManualClock clock;
        const CallContext context(clock, clock.now() + std::chrono::milliseconds{2});
        CPPUNIT_ASSERT(context.timeLeft() == Milliseconds{2});
        clock.advance(std::chrono::nanoseconds{1});
        CPPUNIT_ASSERT(context.timeLeft() == Milliseconds{1});
        clock.advance(std::chrono::milliseconds{5});
        CPPUNIT_ASSERT(context.timeLeft() == Milliseconds{0});
    }

    void testContextOfTheSystemsClockEnds()
    {
        CPPUNIT_ASSERT(CallContext::within(Milliseconds{0}).timeLeft() == Milliseconds{0});
        CPPUNIT_ASSERT(CallContext::within(Milliseconds{-5}).timeLeft() == Milliseconds{0});
        const auto hour = CallContext::within(std::chrono::hours{1}).timeLeft();
        CPPUNIT_ASSERT(hour > std::chrono::minutes{50} && hour <= std::chrono::hours{1});
        CPPUNIT_ASSERT(CallContext::within(forever).timeLeft() > std::chrono::hours{24 * 365});
    }

    void testCancelledContextSaysSo()
    {
        std::stop_source source;
        const auto context = CallContext::within(Milliseconds{1000}, source.get_token());
        CPPUNIT_ASSERT(!context.cancel().stop_requested());
        source.request_stop();
        CPPUNIT_ASSERT(context.cancel().stop_requested());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DurationsTest);
