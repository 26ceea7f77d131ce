#include "BuiltStores.h"
#include "ToolFixture.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <set>
#include <string>

using namespace Leasehold;

/// Compares the manual page and the completion with the options of the program.
class ManualPageTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(ManualPageTest);
    CPPUNIT_TEST(testManualPageRendersWithoutWarning);
    CPPUNIT_TEST(testEachOptionStandsInTheManualPageAndInTheCompletion);
    CPPUNIT_TEST(testStoreUrlsAreInHelpManualPageAndCompletion);
    CPPUNIT_TEST_SUITE_END();

    /// Every word like --busy-code. (By hand: g++ 12 warns of its own std::regex when a sanitizer is on.)
    static std::set<std::string> optionsIn(const std::string& text)
    {
        const std::string letters = "abcdefghijklmnopqrstuvwxyz-";
        std::set<std::string> options;
        for (auto at = text.find("--"); at != std::string::npos; at = text.find("--", at))
        {
            const auto end = std::min(text.find_first_not_of(letters, at), text.size());
            if (end - at > 2 && text[at + 2] != '-')
                options.insert(text.substr(at, end - at));
            at = end;
        }
        return options;
    }
    /// The text with each minus escaped as in roff.
    static std::string withoutBackslashes(std::string text)
    {
        std::erase(text, '\\');
        return text;
    }

public:
    void testManualPageRendersWithoutWarning()
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
        const auto inPage = optionsIn(withoutBackslashes(contentOf(LEASEHOLD_MANUAL)));
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
                continue; // an option of a command in an example
            CPPUNIT_ASSERT_MESSAGE(option + " is not in the manual page", inPage.contains(option));
            CPPUNIT_ASSERT_MESSAGE(option + " is not in the completion", inCompletion.contains(option));
        }
        for (const auto& option : inCompletion)
            CPPUNIT_ASSERT_MESSAGE(option + " is completed, and unknown", known.contains(option));
    }

    void testStoreUrlsAreInHelpManualPageAndCompletion()
    {
        auto help = _bench->tool({"--help"});
        CPPUNIT_ASSERT_EQUAL(0, help.wait());
        const auto page = contentOf(LEASEHOLD_MANUAL);
        const auto completion = contentOf(LEASEHOLD_COMPLETION);
        for (const auto& store : Tool::builtStores)
        {
            const std::string url(store.url);
            const auto start = url.substr(0, url.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ")); // the user replaces the upper-case part
            const bool offered = !store.isOfOneProcess;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(url, offered, help.output().find(url) != std::string::npos);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(url, offered, page.find(url) != std::string::npos);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(url, offered, completion.find(start) != std::string::npos);
        }
        CPPUNIT_ASSERT(page.find('@') == std::string::npos); // every placeholder was replaced
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManualPageTest);
