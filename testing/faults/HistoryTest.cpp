#include "Leasehold/History.h"

#include <Poco/Exception.h>
#include <Poco/TemporaryFile.h>

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>

namespace Leasehold
{

class HistoryTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HistoryTest);
    CPPUNIT_TEST(testWhatIsWrittenIsReadBack);
    CPPUNIT_TEST(testLineThatWasCutByAKillIsLeftOut);
    CPPUNIT_TEST(testLineThatIsNoneIsRefused);
    CPPUNIT_TEST_SUITE_END();

public:
    void testWhatIsWrittenIsReadBack()
    {
        const Poco::TemporaryFile file;
        {
            HistoryWriter writer(file.path());
            writer.write({5, HistoryKind::granted, "lock-1", 17, 3, {}});
            writer.write({5, HistoryKind::releasing, "lock-1", 17, 0, {}, 9});
            writer.write({6, HistoryKind::unavailable, "lock-1", 0, 0, "two words\nand a line"});
        }
        const auto lines = readHistory(file.path());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, lines.size());
        CPPUNIT_ASSERT_EQUAL(HostTime{5}, lines[0].time);
        CPPUNIT_ASSERT(lines[0].kind == HistoryKind::granted);
        CPPUNIT_ASSERT_EQUAL(std::string("lock-1"), lines[0].lock);
        CPPUNIT_ASSERT_EQUAL(Fence{17}, lines[0].fence);
        CPPUNIT_ASSERT_EQUAL(HostTime{3}, lines[0].since);
        CPPUNIT_ASSERT_EQUAL(std::string(), lines[0].detail);
        CPPUNIT_ASSERT_EQUAL(HostTime{9}, lines[1].until);
        CPPUNIT_ASSERT_EQUAL(std::string("two words and a line"), lines[2].detail);
    }

    void testLineThatWasCutByAKillIsLeftOut()
    {
        const Poco::TemporaryFile file;
        std::ofstream(file.path()) << "5 granted lock-1 17 3 0 \n6 heldSam";
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, readHistory(file.path()).size());
    }

    void testLineThatIsNoneIsRefused()
    {
        CPPUNIT_ASSERT_THROW(parseHistoryLine("5 granted"), Poco::DataFormatException);
        CPPUNIT_ASSERT_THROW(parseHistoryLine("5 stolen lock-1 17 3 0 "), Poco::DataFormatException);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HistoryTest);

} // namespace Leasehold
