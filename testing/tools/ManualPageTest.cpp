#include "ToolFixture.h"

#include <cppunit/extensions/HelperMacros.h>

#include <regex>
#include <set>

using namespace Leasehold;

/// What people read, or let their shell read, against what the program takes.
class ManualPageTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(ManualPageTest);
    CPPUNIT_TEST(testTheManualPageIsSetWithoutAWarningAndFoundByItsName);
    CPPUNIT_TEST(testEachOptionStandsInTheManualPageAndInTheCompletion);
    CPPUNIT_TEST_SUITE_END();

    static std::set<std::string> optionsIn(const std::string& text)
    {
        static const std::regex option("--[a-z][a-z-]*[a-z]");
        return {std::sregex_token_iterator(text.begin(), text.end(), option), std::sregex_token_iterator()};
    }

public:
    void testTheManualPageIsSetWithoutAWarningAndFoundByItsName()
    {
        auto set = _bench->program({"/usr/bin/man", "--warnings", "-E", "UTF-8", "-l", LEASEHOLD_MANUAL});
        CPPUNIT_ASSERT_EQUAL(0, set.wait());
        CPPUNIT_ASSERT_EQUAL(std::string(), set.errors());
        CPPUNIT_ASSERT(set.output().find("EXIT STATUS") != std::string::npos);
        auto found = _bench->program({"/usr/bin/lexgrog", LEASEHOLD_MANUAL});
        CPPUNIT_ASSERT_EQUAL(0, found.wait());
        CPPUNIT_ASSERT(found.output().find("\"leasehold - run commands under a distributed lock") != std::string::npos);
    }

    void testEachOptionStandsInTheManualPageAndInTheCompletion()
    {
        const auto page = std::regex_replace(contentOf(LEASEHOLD_MANUAL), std::regex("\\\\-"), "-");
        const auto inPage = optionsIn(page);
        const auto inCompletion = optionsIn(contentOf(LEASEHOLD_COMPLETION));
        std::set<std::string> known;
        for (const std::vector<std::string>& words : {std::vector<std::string>{"--help"},
                                                      {"run", "--help"},
                                                      {"list", "--help"},
                                                      {"show", "--help"},
                                                      {"break", "--help"},
                                                      {"check", "--help"}})
        {
            auto help = _bench->tool(words);
            CPPUNIT_ASSERT_EQUAL(0, help.wait());
            known.merge(optionsIn(help.output()));
        }
        CPPUNIT_ASSERT(known.size() > 15);
        for (const auto& option : known)
        {
            if (option == "--all")
                continue; // of a command in an example
            CPPUNIT_ASSERT_MESSAGE(option + " is not in the manual page", inPage.contains(option));
            CPPUNIT_ASSERT_MESSAGE(option + " is not in the completion", inCompletion.contains(option));
        }
        for (const auto& option : inCompletion)
            CPPUNIT_ASSERT_MESSAGE(option + " is completed, and unknown", known.contains(option));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManualPageTest);
