#include "ServerTrouble.h"
#include "LockCalls.h"
#include "ServerAddress.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

namespace Leasehold::PostgreSQL
{

/// The judgement of the errors of a server, and the reading of addresses.
class ServerTroubleTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ServerTroubleTest);
    CPPUNIT_TEST(testEachSqlStateHasItsMeaning);
    CPPUNIT_TEST(testSqlStateIsFoundInTheTextOfARefusedConnection);
    CPPUNIT_TEST(testForeignTextIsNeverShown);
    CPPUNIT_TEST(testOnlyErrorsOfAStepAreSentAgainSingly);
    CPPUNIT_TEST(testAddressesAreReadAndWritten);
    CPPUNIT_TEST(testWrongAddressesAreRefused);
    CPPUNIT_TEST_SUITE_END();

public:
    void testEachSqlStateHasItsMeaning()
    {
        const auto all = [](Meaning meaning, const std::vector<std::string>& states)
        {
            for (const auto& state : states)
                CPPUNIT_ASSERT_MESSAGE(state, judge(state).meaning == meaning);
        };
        all(Meaning::unavailable, {"08006", "57P01", "57P02", "57P03", "57P05", "53300", "53100", "53200", "53400", "58030", "57014",
                                   "55P03", "40001", "40P01", "25P03", "25P04"});
        all(Meaning::otherServer, {"25006"});
        all(Meaning::notPrepared, {"26000", "42P05", "0A000"});
        all(Meaning::schemaMissing, {"3F000", "42P01", "42883", "42704"});
        all(Meaning::permanent,
            {"08P01", "28000", "28P01", "3D000", "42501", "42703", "42804", "42P13", "23514", "22P02", "54000", "XX000", ""});
    }

    void testSqlStateIsFoundInTheTextOfARefusedConnection()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("28P01"), sqlStateOf("connection to server at \"h\" failed: FATAL:  28P01: password wrong"));
        CPPUNIT_ASSERT_EQUAL(std::string("57P03"), sqlStateOf("failed: SCHWERWIEGEND:  57P03: das Datenbanksystem startet"));
        CPPUNIT_ASSERT_EQUAL(std::string(), sqlStateOf("connection to server failed: Connection refused"));
        CPPUNIT_ASSERT_EQUAL(std::string(), sqlStateOf("x:  28P0"));
    }

    void testForeignTextIsNeverShown()
    {
        CPPUNIT_ASSERT(describe("secret-token").find("secret") == std::string::npos);
        CPPUNIT_ASSERT(std::string(Refusal("secret-token").what()).find("secret") == std::string::npos);
    }

    void testOnlyErrorsOfAStepAreSentAgainSingly()
    {
        CPPUNIT_ASSERT(Refusal("55P03").mayConcernOneStep());
        CPPUNIT_ASSERT(Refusal("23514").mayConcernOneStep());
        CPPUNIT_ASSERT(!Refusal("57P01").mayConcernOneStep());
        CPPUNIT_ASSERT(!Refusal("53300").mayConcernOneStep());
        CPPUNIT_ASSERT(!Refusal("25006").mayConcernOneStep());
    }

    void testAddressesAreReadAndWritten()
    {
        const std::vector<std::pair<std::string, std::string>> cases{{"db-1", "db-1:5432"},
                                                                     {"db-1:6432", "db-1:6432"},
                                                                     {"[::1]:6432", "[::1]:6432"},
                                                                     {"::1", "[::1]:5432"},
                                                                     {"/run/postgresql", "/run/postgresql:5432"},
                                                                     {"/run/postgresql:5433", "/run/postgresql:5433"}};
        for (const auto& [text, shown] : cases)
            CPPUNIT_ASSERT_EQUAL(shown, ServerAddress::parse(text, "key").text());
    }

    void testWrongAddressesAreRefused()
    {
        for (const std::string text : {"", ":5432", "db:0", "db:65536", "db:x", "d b", "[::1", "user:pa55@db", "http://db"})
        {
            try
            {
                ServerAddress::parse(text, "some.key");
                CPPUNIT_FAIL("accepted: " + text);
            }
            catch (const LockConfigurationError& problem)
            {
                CPPUNIT_ASSERT(problem.message().find("some.key") != std::string::npos);
                CPPUNIT_ASSERT(problem.message().find("pa55") == std::string::npos);
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServerTroubleTest);

} // namespace Leasehold::PostgreSQL
