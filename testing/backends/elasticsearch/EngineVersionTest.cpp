#include "EngineVersion.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

class EngineVersionTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EngineVersionTest);
    CPPUNIT_TEST(testEachEngineIsNamedWithItsVersion);
    CPPUNIT_TEST(testNonsenseAndWhatCouldCommandATerminalAreNoVersion);
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
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineVersionTest);

} // namespace Leasehold
