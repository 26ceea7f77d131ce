#include "FuzzTargets.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace Leasehold
{

/// The inputs of the corpus, past findings among them, in the ordinary build: without a fuzzer, in every run of the tests.
class CorpusTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(CorpusTest);
    CPPUNIT_TEST(testDurationsOfTheCorpus);
    CPPUNIT_TEST(testStoreUrlsOfTheCorpus);
    CPPUNIT_TEST(testNodeAddressesOfTheCorpus);
    CPPUNIT_TEST(testConfigurationsOfTheCorpus);
    CPPUNIT_TEST(testMetadataOfTheCorpus);
    CPPUNIT_TEST(testEngineAnswersOfTheCorpus);
    CPPUNIT_TEST(testRequestsToTheFakeOfTheCorpus);
    CPPUNIT_TEST(testBulksToTheFakeOfTheCorpus);
    CPPUNIT_TEST_SUITE_END();

public:
    void testDurationsOfTheCorpus() { replay("duration", Fuzz::duration); }
    void testStoreUrlsOfTheCorpus() { replay("storeUrl", Fuzz::storeUrl); }
    void testNodeAddressesOfTheCorpus() { replay("nodeAddress", Fuzz::nodeAddress); }
    void testConfigurationsOfTheCorpus() { replay("configuration", Fuzz::configuration); }
    void testMetadataOfTheCorpus() { replay("metadata", Fuzz::metadata); }
    void testEngineAnswersOfTheCorpus() { replay("engineAnswer", Fuzz::engineAnswer); }
    void testRequestsToTheFakeOfTheCorpus() { replay("fakeRequest", Fuzz::fakeRequest); }
    void testBulksToTheFakeOfTheCorpus() { replay("fakeBulk", Fuzz::fakeBulk); }

private:
    static void replay(const std::string& target, void (*run)(std::string_view))
    {
        std::size_t inputs = 0;
        for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(CORPUS_FOLDER) / target))
        {
            std::ifstream file(entry.path(), std::ios::binary);
            CPPUNIT_ASSERT_MESSAGE(entry.path().string(), file.good());
            std::ostringstream content;
            content << file.rdbuf();
            try
            {
                run(content.str());
            }
            catch (const std::exception& error)
            {
                CPPUNIT_FAIL(entry.path().string() + ": " + error.what());
            }
            ++inputs;
        }
        CPPUNIT_ASSERT_MESSAGE("the corpus of " + target + " is empty", inputs > 0);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CorpusTest);

} // namespace Leasehold
