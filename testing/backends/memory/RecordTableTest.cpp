#include "RecordTable.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <random>
#include <string>

namespace Leasehold
{
namespace
{

/// A few hashes that several names share, so that entries collide, also across the end of the table.
std::size_t crowdedHash(const std::string& name)
{
    return std::hash<std::string>{}(name) % 13;
}

LeaseRules::Record recordWith(Fence fence)
{
    LeaseRules::Record record;
    record.fence = fence;
    return record;
}

} // namespace

class RecordTableTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(RecordTableTest);
    CPPUNIT_TEST(testEmptyTableHasNothing);
    CPPUNIT_TEST(testNamesWithEqualHashesStayApart);
    CPPUNIT_TEST(testRecordKeepsItsAddressWhileTableGrows);
    CPPUNIT_TEST(testEraseStopsAtItsLimit);
    CPPUNIT_TEST(testRandomAdditionsAndErasuresMatchAMap);
    CPPUNIT_TEST_SUITE_END();

public:
    void testEmptyTableHasNothing()
    {
        RecordTable table;
        CPPUNIT_ASSERT(table.find("a", crowdedHash("a")) == nullptr);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, table.eraseIf(10, [](const auto&) { return true; }));
    }

    void testNamesWithEqualHashesStayApart()
    {
        RecordTable table;
        table.add("a", 5, recordWith(1));
        table.add("b", 5, recordWith(2));
        CPPUNIT_ASSERT_EQUAL(Fence{1}, table.find("a", 5)->record->fence);
        CPPUNIT_ASSERT_EQUAL(Fence{2}, table.find("b", 5)->record->fence);
        CPPUNIT_ASSERT(table.find("c", 5) == nullptr);
    }

    void testRecordKeepsItsAddressWhileTableGrows()
    {
        RecordTable table;
        const auto* const first = &table.add("first", 7, recordWith(1));
        for (int number = 0; number < 1000; ++number)
            table.add(std::to_string(number), static_cast<std::size_t>(number), recordWith(2));
        CPPUNIT_ASSERT(first == table.find("first", 7));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1001}, table.size());
    }

    void testEraseStopsAtItsLimit()
    {
        RecordTable table;
        for (int number = 0; number < 100; ++number)
            table.add(std::to_string(number), crowdedHash(std::to_string(number)), recordWith(1));
        CPPUNIT_ASSERT_EQUAL(std::size_t{30}, table.eraseIf(30, [](const auto&) { return true; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{70}, table.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{70}, table.eraseIf(100, [](const auto&) { return true; }));
    }

    void testRandomAdditionsAndErasuresMatchAMap()
    {
        RecordTable table;
        std::map<std::string, Fence> map;
        std::mt19937 random(42);
        for (Fence step = 1; step <= 3000; ++step)
        {
            const auto name = std::to_string(random() % 200);
            if (!table.find(name, crowdedHash(name)))
            {
                table.add(name, crowdedHash(name), recordWith(step));
                map[name] = step;
            }
            if (random() % 8 == 0)
            {
                const auto divisor = 2 + random() % 5;
                const auto isErased = [divisor](Fence fence) { return fence % divisor == 0; };
                table.eraseIf(1000, [&](const RecordTable::Entry& entry) { return isErased(entry.record->fence); });
                std::erase_if(map, [&](const auto& pair) { return isErased(pair.second); });
            }

            CPPUNIT_ASSERT_EQUAL(map.size(), table.size());
            std::map<std::string, Fence> seen;
            table.forEach([&seen](const RecordTable::Entry& entry) { seen[entry.name] = entry.record->fence; });
            CPPUNIT_ASSERT(map == seen);
            for (const auto& [known, fence] : map)
            {
                const auto* const entry = table.find(known, crowdedHash(known));
                CPPUNIT_ASSERT_MESSAGE(known + " is not found", entry != nullptr);
                CPPUNIT_ASSERT_EQUAL(fence, entry->record->fence);
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RecordTableTest);

} // namespace Leasehold
