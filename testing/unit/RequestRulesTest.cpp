#include "RequestRules.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/LockStore.h"
#include "Utf8.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <limits>

using namespace Leasehold;

namespace
{

template <typename Check>
std::string refusal(Check check)
{
    return messageOf<InvalidLockRequest>(check);
}

Fence microseconds(std::chrono::system_clock::time_point time)
{
    return static_cast<Fence>(std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
}

} // namespace

class RequestRulesTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(RequestRulesTest);
    CPPUNIT_TEST(testUtf8IsWhatTheStandardSays);
    CPPUNIT_TEST(testNamesOfEveryKindAreAllowed);
    CPPUNIT_TEST(testNamesOutOfBoundsAreRefused);
    CPPUNIT_TEST(testNamesWithControlCharactersAreRefused);
    CPPUNIT_TEST(testNamesThatAreNotUtf8AreRefused);
    CPPUNIT_TEST(testRefusedNameIsShownWithoutHarm);
    CPPUNIT_TEST(testTtlHasBounds);
    CPPUNIT_TEST(testWaitAndMaxHoldHaveBounds);
    CPPUNIT_TEST(testFenceFloorHasBounds);
    CPPUNIT_TEST(testListHasBounds);
    CPPUNIT_TEST_SUITE_END();

public:
    void testUtf8IsWhatTheStandardSays()
    {
        for (const char* text : {"", "a", "\x7f", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
                                 "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
            CPPUNIT_ASSERT_MESSAGE(shown(text), isUtf8(text));
        for (const char* text : {"\x80",
                                 "\xBF",
                                 "\xC0\x80",
                                 "\xC1\xBF",
                                 "\xE0\x9F\xBF",
                                 "\xED\xA0\x80",
                                 "\xED\xBF\xBF",
                                 "\xF0\x8F\xBF\xBF",
                                 "\xF4\x90\x80\x80",
                                 "\xF5\x80\x80\x80",
                                 "\xF8\x88\x80\x80\x80",
                                 "\xFE",
                                 "\xFF",
                                 "\xC2",
                                 "\xE2\x82",
                                 "\xF0\x9F\x94",
                                 "\xC2\x41",
                                 "\xE2\x28\xA1",
                                 "a\xC2",
                                 "\xC2\x80\x80"})
            CPPUNIT_ASSERT_MESSAGE(shown(text), !isUtf8(text));
    }

    void testNamesOfEveryKindAreAllowed()
    {
        for (const char* name : {"a", "job/nightly", "with space", " ", "%2F", "\"quoted\"", "back\\slash", "Grüße", "锁",
                                 "\xF0\x9F\x94\x92", "\xC2\xA0", "..", "_id", "a?b=c&d#e", "'; drop table locks; --"})
            checkLockName(name);
        checkLockName(std::string(512, 'x'));
    }

    void testNamesOutOfBoundsAreRefused()
    {
        assertNames(refusal([] { checkLockName(""); }), {"empty", "1 to 512 bytes"});
        assertNames(refusal([] { checkLockName(std::string(513, 'x')); }), {"513 bytes", "1 to 512 bytes"});
        std::string wide; // 257 characters of two bytes
        for (int i = 0; i < 257; ++i)
            wide += "ü";
        assertNames(refusal([&] { checkLockName(wide); }), {"514 bytes"});
    }

    void testNamesWithControlCharactersAreRefused()
    {
        for (int code = 0; code < 0xA0; ++code)
        {
            std::string name = "a";
            if (code < 0x80)
                name += static_cast<char>(code);
            else
                name.append(1, '\xC2').append(1, static_cast<char>(code));
            const bool control = code < 0x20 || code >= 0x7F;
            if (control)
                assertNames(refusal([&] { checkLockName(name); }), {"control character"});
            else
                checkLockName(name);
        }
    }

    void testNamesThatAreNotUtf8AreRefused()
    {
        for (const char* name : {"a\xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80"})
            assertNames(refusal([name] { checkLockName(name); }), {"not UTF-8"});
    }

    void testRefusedNameIsShownWithoutHarm()
    {
        assertNames(refusal([] { checkLockName("a\n\x1b[31m\xFF\"b"); }), {R"("a\x0a\x1b[31m\xff\x22b")"});
        const auto message = refusal([] { checkLockName(std::string(100'000, 'x')); });
        CPPUNIT_ASSERT(message.size() < 300);
        assertNames(message, {"xxx...", "100000 bytes"});
    }

    void testTtlHasBounds()
    {
        checkTtl(Milliseconds{100});
        checkTtl(std::chrono::hours{24});
        assertNames(refusal([] { checkTtl(Milliseconds{99}); }), {"ttl", "99ms", "100ms to 24h"});
        assertNames(refusal([] { checkTtl(Milliseconds{86'400'001}); }), {"86400001ms"});
        refusal([] { checkTtl(Milliseconds{0}); });
        refusal([] { checkTtl(Milliseconds{-1}); });
        assertNames(refusal([] { checkTtl(forever); }), {"forever"});
    }

    void testWaitAndMaxHoldHaveBounds()
    {
        checkWait(Milliseconds{0});
        checkWait(forever);
        assertNames(refusal([] { checkWait(Milliseconds{-1}); }), {"wait", "-1ms"});
        checkMaxHold(Milliseconds{1});
        checkMaxHold(forever);
        assertNames(refusal([] { checkMaxHold(Milliseconds{0}); }), {"maxHold", "1ms"});
        refusal([] { checkMaxHold(Milliseconds{-1}); });
    }

    void testFenceFloorHasBounds()
    {
        const auto now = std::chrono::system_clock::time_point(std::chrono::seconds{1'700'000'000});
        const auto highest = microseconds(now + std::chrono::hours{24});
        checkFenceFloor(0, now);
        checkFenceFloor(microseconds(now), now);
        checkFenceFloor(highest, now);
        assertNames(refusal([&] { checkFenceFloor(highest + 1, now); }),
                    {"fenceFloor", std::to_string(highest + 1), std::to_string(highest)});
        refusal([&] { checkFenceFloor(maxFence, now); });
        refusal([&] { checkFenceFloor(std::numeric_limits<Fence>::max(), now); });

        // A clock so far ahead that a day later is beyond the maximum fence.
        const auto late = std::chrono::system_clock::time_point(std::chrono::microseconds{maxFence - 5});
        checkFenceFloor(maxFence, late);
        refusal([&] { checkFenceFloor(maxFence + 1, late); });
        // A clock before 1970.
        const auto early = std::chrono::system_clock::time_point(-std::chrono::hours{48});
        checkFenceFloor(0, early);
        refusal([&] { checkFenceFloor(1, early); });
    }

    void testListHasBounds()
    {
        checkListQuery({});
        checkListQuery({"job/", "job/a", 1});
        checkListQuery({std::string(512, 'x'), "", 10'000});
        assertNames(refusal([] { checkListQuery({"", "", 0}); }), {"limit", "1 to 10000"});
        assertNames(refusal([] { checkListQuery({"", "", 10'001}); }), {"10001"});
        assertNames(refusal([] { checkListQuery({std::string(513, 'x'), "", 1}); }), {"prefix", "513 bytes"});
        assertNames(refusal([] { checkPrefix("Gr\xC3"); }), {"prefix", "not UTF-8"});
        assertNames(refusal([] { checkListQuery({"", "\xFF", 1}); }), {"after", "not UTF-8"});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestRulesTest);
