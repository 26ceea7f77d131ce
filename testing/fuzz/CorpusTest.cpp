#include "fuzzTargets.h"

#include <cppunit/TestAssert.h>
#include <cppunit/TestCase.h>
#include <cppunit/TestSuite.h>
#include <cppunit/extensions/TestFactory.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace Leasehold
{
namespace
{

/// Runs the corpus of a target, which includes past findings, without a fuzzer in every run of the tests.
class CorpusTest : public CppUnit::TestCase
{
public:
    explicit CorpusTest(const Fuzz::FuzzTarget& target) : TestCase("CorpusTest::" + std::string(target.name)), _target(target) {}

    void runTest() override
    {
        std::size_t inputs = 0;
        for (const auto& entry : std::filesystem::directory_iterator(_target.corpus))
        {
            std::ifstream file(entry.path(), std::ios::binary);
            CPPUNIT_ASSERT_MESSAGE(entry.path().string(), file.good());
            std::ostringstream content;
            content << file.rdbuf();
            try
            {
                _target.run(content.str());
            }
            catch (const std::exception& error)
            {
                CPPUNIT_FAIL(entry.path().string() + ": " + error.what());
            }
            ++inputs;
        }
        CPPUNIT_ASSERT_MESSAGE(std::string("there is no input in ") + _target.corpus, inputs > 0);
    }

private:
    const Fuzz::FuzzTarget& _target;
};

class CorpusTests : public CppUnit::TestFactory
{
public:
    CppUnit::Test* makeTest() override
    {
        auto tests = std::make_unique<CppUnit::TestSuite>("corpus");
        for (const auto& target : Fuzz::fuzzTargets())
            tests->addTest(new CorpusTest(target)); // the suite owns it
        return tests.release();
    }
};

[[maybe_unused]] const bool isRegistered = []
{
    static CorpusTests tests; // CppUnit's registry does not own it
    CppUnit::TestFactoryRegistry::getRegistry().registerFactory(&tests);
    return true;
}();

} // namespace
} // namespace Leasehold
