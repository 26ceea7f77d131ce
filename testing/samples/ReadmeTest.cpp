#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace Leasehold
{
namespace
{

std::vector<std::string> linesOf(const std::string& path)
{
    std::ifstream file(SOURCE_FOLDER "/" + path);
    CPPUNIT_ASSERT_MESSAGE("cannot read " + path, file.good());
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
        lines.push_back(line);
    return lines;
}

/// What stands between two lines that contain `mark`, without the indentation that all of it shares.
std::string between(const std::vector<std::string>& lines, const std::string& first, const std::string& last)
{
    const auto begin = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.find(first) != std::string::npos; });
    CPPUNIT_ASSERT_MESSAGE("no line with " + first, begin != lines.end());
    const auto end = std::find_if(begin + 1, lines.end(), [&](const auto& line) { return line.find(last) != std::string::npos; });
    CPPUNIT_ASSERT_MESSAGE("no line with " + last + " after it", end != lines.end());
    auto shared = std::string::npos;
    for (auto line = begin + 1; line != end; ++line)
        if (!line->empty())
            shared = std::min(shared, line->find_first_not_of(' '));
    std::ostringstream text;
    for (auto line = begin + 1; line != end; ++line)
        text << (line->empty() ? "" : line->substr(shared)) << '\n';
    return text.str();
}

} // namespace

class ReadmeTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ReadmeTest);
    CPPUNIT_TEST(testExampleIsThatOfTheSample);
    CPPUNIT_TEST_SUITE_END();

public:
    void testExampleIsThatOfTheSample()
    {
        const std::string mark = "//! [the example of README.md]";
        CPPUNIT_ASSERT_EQUAL(between(linesOf("samples/reindex_with_lock/main.cpp"), mark, mark),
                             between(linesOf("README.md"), "```cpp", "```"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReadmeTest);

} // namespace Leasehold
