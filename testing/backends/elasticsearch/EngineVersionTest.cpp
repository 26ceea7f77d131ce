#include "EngineVersion.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

using namespace Elasticsearch;

class EngineVersionTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EngineVersionTest);
    CPPUNIT_TEST(testEachEngineIsNamedWithItsVersion);
    CPPUNIT_TEST(testNonsenseAndWhatCouldCommandATerminalAreNoVersion);
    CPPUNIT_TEST(testOldestVersionsThatAreEnough);
    CPPUNIT_TEST_SUITE_END();

public:
    void testEachEngineIsNamedWithItsVersion()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("OpenSearch 3.6.0"),
                             engineVersion(R"({"name":"n","version":{"distribution":"opensearch","number":"3.6.0"},"tagline":"t"})"));
        CPPUNIT_ASSERT_EQUAL(std::string("Elasticsearch 8.19.21"), engineVersion(R"({"version":{"number":"8.19.21"}})"));
        CPPUNIT_ASSERT_EQUAL(std::string("other 1.0"), engineVersion(R"({"version":{"distribution":"other","number":"1.0"}})"));
    }

    void testNonsenseAndWhatCouldCommandATerminalAreNoVersion()
    {
        for (const std::string body : {"", "ok", "[]", "{}", R"({"version":"3"})", R"({"version":{}})", R"({"version":{"number":""}})",
                                       R"({"version":{"number":"\u001b[2J"}})", R"({"version":{"number":"1","distribution":"a\nb"}})"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(body, std::string(), engineVersion(body));
    }

    void testOldestVersionsThatAreEnough()
    {
        for (const std::string old : {"Elasticsearch 7.9.3", "Elasticsearch 7.0.0", "Elasticsearch 6.8.23", "OpenSearch 1.2.4"})
            CPPUNIT_ASSERT_MESSAGE(old, isTooOld(old));
        for (const std::string good : {"Elasticsearch 7.10.0", "Elasticsearch 8.0.0", "OpenSearch 1.3.0", "OpenSearch 3.6.0",
                                       "leasehold-fake 1.0", "", "Elasticsearch", "Elasticsearch x"})
            CPPUNIT_ASSERT_MESSAGE(good, !isTooOld(good));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineVersionTest);

} // namespace Leasehold
