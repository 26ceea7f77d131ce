#include "Leasehold/printable.h"

#include "HolderText.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/LockStore.h"
#include "Utf8.h"

#include <cppunit/extensions/HelperMacros.h>

#include <sstream>

using namespace Leasehold;

namespace
{

std::string utf8(char32_t code)
{
    const auto byte = [](char32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
    if (code < 0x80)
        return {byte(code)};
    if (code < 0x800)
        return {byte(0xC0 | (code >> 6)), byte(0x80 | (code & 0x3F))};
    return {byte(0xE0 | (code >> 12)), byte(0x80 | ((code >> 6) & 0x3F)), byte(0x80 | (code & 0x3F))};
}

template <typename... Values>
std::string written(const Values&... values)
{
    std::ostringstream text;
    ((text << (text.tellp() == 0 ? "" : " ") << values), ...);
    return text.str();
}

} // namespace

class PrintableTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(PrintableTest);
    CPPUNIT_TEST(testPrintableLeavesTextUnchanged);
    CPPUNIT_TEST(testPrintableReplacesControlCharacters);
    CPPUNIT_TEST(testPrintableReplacesDirectionAndLineControls);
    CPPUNIT_TEST(testPrintableReplacesEachByteThatIsNotUtf8);
    CPPUNIT_TEST(testHolderTextIsPrintable);
    CPPUNIT_TEST(testEnumeratorsAreWrittenByName);
    CPPUNIT_TEST(testRecordsAreWrittenForPeople);
    CPPUNIT_TEST_SUITE_END();

public:
    void testPrintableLeavesTextUnchanged()
    {
        for (const std::string text :
             {"", "a", "job/nightly", "{\"a\":\"b\\n\"}", "Grüße", "锁", "\xF0\x9F\x94\x92", "\xC2\xA0", "שלום", "?"})
            CPPUNIT_ASSERT_EQUAL(text, printable(text));
    }

    void testPrintableReplacesControlCharacters()
    {
        for (char32_t code = 0; code < 0xA0; ++code)
        {
            const bool control = code < 0x20 || code >= 0x7F;
            CPPUNIT_ASSERT_EQUAL("a" + (control ? "?" : utf8(code)) + "b", printable("a" + utf8(code) + "b"));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("?[31mred?2Kgone"), printable("\x1b[31mred\xC2\x9B"
                                                                       "2Kgone"));
    }

    void testPrintableReplacesDirectionAndLineControls()
    {
        for (const char32_t code : {0x2028, 0x2029, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069})
            CPPUNIT_ASSERT_EQUAL(std::string("a?b"), printable("a" + utf8(code) + "b"));
        for (const char32_t code : {0x2027, 0x202F, 0x2065, 0x206A})
            CPPUNIT_ASSERT_EQUAL(utf8(code), printable(utf8(code)));
    }

    void testPrintableReplacesEachByteThatIsNotUtf8()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("a?b"), printable("a\xFF"
                                                           "b"));
        CPPUNIT_ASSERT_EQUAL(std::string("??"), printable("\xC0\x80"));           // an overlong form
        CPPUNIT_ASSERT_EQUAL(std::string("???"), printable("\xED\xA0\x80"));      // a surrogate
        CPPUNIT_ASSERT_EQUAL(std::string("????"), printable("\xF4\x90\x80\x80")); // above U+10FFFF
        CPPUNIT_ASSERT_EQUAL(std::string("a??"), printable("a\xE2\x82"));         // cut
        CPPUNIT_ASSERT_EQUAL(std::string("?[31m"), printable("\x9B[31m"));        // the C1 byte of an eight-bit terminal
        std::string everyByte;
        for (int byte = 0; byte < 256; ++byte)
            everyByte += static_cast<char>(byte);
        CPPUNIT_ASSERT(isUtf8(printable(everyByte)));
    }

    void testHolderTextIsPrintable()
    {
        LockRecord holder;
        holder.metadata = "{\"host\":\"web\\u001b[2J\xC2\x9B\",\"command\":\"a\xE2\x80\xAE"
                          "b\"}";
        const auto text = describeHolder(holder);
        CPPUNIT_ASSERT_MESSAGE(text, text.starts_with("held by web?[2J? (command a?b) since "));
        CPPUNIT_ASSERT_MESSAGE(text, text.ends_with("; the lease ends in 0.0 s unless it is renewed"));
        holder.broken = true;
        CPPUNIT_ASSERT(describeHolder(holder).ends_with("; it is broken: the lease ends in 0.0 s and cannot be renewed"));
    }

    void testEnumeratorsAreWrittenByName()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("expired maxHold"), written(LossReason::expired, LossReason::maxHold));
        CPPUNIT_ASSERT_EQUAL(std::string("whenItEnds now"), written(BreakMode::whenItEnds, BreakMode::now));
        CPPUNIT_ASSERT_EQUAL(std::string("granted held spent"), written(AcquireStatus::granted, AcquireStatus::held, AcquireStatus::spent));
        CPPUNIT_ASSERT_EQUAL(std::string("renewed lost unavailable failed"),
                             written(RenewStatus::renewed, RenewStatus::lost, RenewStatus::unavailable, RenewStatus::failed));
        CPPUNIT_ASSERT_EQUAL(std::string("released notHeld"), written(ReleaseStatus::released, ReleaseStatus::notHeld));
        CPPUNIT_ASSERT_EQUAL(std::string("unknown"), written(static_cast<AcquireStatus>(99)));
    }

    void testRecordsAreWrittenForPeople()
    {
        LockRecord record;
        record.name = "nightly\n";
        record.fence = 7;
        record.ttl = Milliseconds{30'000};
        record.remaining = Milliseconds{21'400};
        record.metadata = R"({"host":"web-3"})";
        CPPUNIT_ASSERT_EQUAL(std::string(R"(lock "nightly?": fence 7, ttl 30s, 21400ms left, metadata {"host":"web-3"})"), written(record));
        record.broken = true;
        CPPUNIT_ASSERT(written(record).find("21400ms left, broken, metadata") != std::string::npos);
        StoreInfo store;
        store.type = "sqlite";
        store.location = "/srv/locks.db";
        CPPUNIT_ASSERT_EQUAL(std::string("the sqlite store /srv/locks.db"), written(store));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PrintableTest);
