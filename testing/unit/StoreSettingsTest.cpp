#include "Leasehold/StoreSettings.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/loadConfiguration.h"

#include <Poco/AutoPtr.h>
#include <Poco/Environment.h>
#include <Poco/TemporaryFile.h>
#include <Poco/Util/MapConfiguration.h>

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <functional>
#include <random>

using namespace Leasehold;

namespace
{

std::string refusal(const std::function<void()>& work)
{
    try
    {
        work();
    }
    catch (const LockConfigurationError& error)
    {
        return error.what();
    }
    return "nothing was refused";
}

void assertContains(const std::string& text, const std::string& part)
{
    CPPUNIT_ASSERT_MESSAGE("\"" + text + "\" should contain \"" + part + "\"", text.find(part) != std::string::npos);
}

void assertLacks(const std::string& text, const std::string& part)
{
    CPPUNIT_ASSERT_MESSAGE("\"" + text + "\" should not contain \"" + part + "\"", text.find(part) == std::string::npos);
}

} // namespace

class StoreSettingsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(StoreSettingsTest);
    CPPUNIT_TEST(testAMissingRequiredKeyIsNamedWithItsMisspelling);
    CPPUNIT_TEST(testAMissingKeyDoesNotFallBackToTheRoot);
    CPPUNIT_TEST(testAMalformedDurationNamesKeyValueAndWhatIsAllowed);
    CPPUNIT_TEST(testRubbishIsNoDuration);
    CPPUNIT_TEST(testForeverIsADurationOnlyWhereItIsAllowed);
    CPPUNIT_TEST(testNumbersAreWholeAndInTheirBounds);
    CPPUNIT_TEST(testFlagsAndChoicesRefuseOtherWords);
    CPPUNIT_TEST(testAnEmptyValueIsRefused);
    CPPUNIT_TEST(testAnEnvironmentVariableIsExpandedOnceAndVerbatim);
    CPPUNIT_TEST(testAReferenceToAnotherKeyIsExpanded);
    CPPUNIT_TEST(testAnUnsetVariableNamesKeyAndVariable);
    CPPUNIT_TEST(testAnUnfinishedReferenceIsRefused);
    CPPUNIT_TEST(testAReferenceThatLeadsBackToItselfIsRefused);
    CPPUNIT_TEST(testReferencesThatMultiplyAreRefused);
    CPPUNIT_TEST(testASecretNeverShows);
    CPPUNIT_TEST(testTheKeysThatWereAskedForAreRemembered);
    CPPUNIT_TEST(testAKeyThatStandsTwiceInAFileIsRefused);
    CPPUNIT_TEST(testAFileThatCannotBeReadIsRefused);
    CPPUNIT_TEST_SUITE_END();

    Poco::AutoPtr<Poco::Util::MapConfiguration> _map{new Poco::Util::MapConfiguration};
    StoreSettings _settings{*_map, "leasehold.store.x."};

    void set(const std::string& key, const std::string& value) { _map->setString("leasehold.store.x." + key, value); }

    void testAMissingRequiredKeyIsNamedWithItsMisspelling()
    {
        set("pth", "somewhere");
        const auto message = refusal([&] { _settings.text("path"); });
        assertContains(message, "leasehold.store.x.path is missing");
        assertContains(message, "leasehold.store.x.pth");
        assertLacks(message, "somewhere");
    }

    void testAMissingKeyDoesNotFallBackToTheRoot()
    {
        _map->setString("path", "the root's");
        CPPUNIT_ASSERT(!_settings.optionalText("path"));
        CPPUNIT_ASSERT_EQUAL(std::string("mine"), _settings.text("path", "mine"));
    }

    void testAMalformedDurationNamesKeyValueAndWhatIsAllowed()
    {
        set("ttl", "30");
        const auto message = refusal([&] { _settings.duration("ttl", Milliseconds{1}); });
        assertContains(message, "leasehold.store.x.ttl");
        assertContains(message, "\"30\"");
        assertContains(message, "30s");
    }

    void testRubbishIsNoDuration()
    {
        std::mt19937 random(4711);
        const std::string characters = "+-.,:x%_ eE";
        for (int i = 0; i < 2000; ++i)
        {
            std::string rubbish(1, characters[random() % characters.size()]);
            for (auto length = random() % 12; length > 0; --length)
                rubbish += static_cast<char>(1 + random() % 255);
            if (rubbish.find("${") != std::string::npos)
                continue;
            set("ttl", rubbish);
            assertContains(refusal([&] { _settings.duration("ttl", Milliseconds{1}); }), "leasehold.store.x.ttl");
        }
        for (const char* rubbish :
             {"1.5s", "-1s", "s", "1 s", "1S", "99999999999999999999ms", "9223372036854775807h", "0x10ms", "1d", "forever"})
        {
            set("ttl", rubbish);
            assertContains(refusal([&] { _settings.duration("ttl", Milliseconds{1}); }), rubbish);
        }
    }

    void testForeverIsADurationOnlyWhereItIsAllowed()
    {
        set("limit", "forever");
        CPPUNIT_ASSERT(_settings.durationOrForever("limit", Milliseconds{1}) == forever);
        assertContains(refusal([&] { _settings.optionalDuration("limit"); }), "forever");
        set("limit", "250ms");
        CPPUNIT_ASSERT(_settings.durationOrForever("limit", forever) == Milliseconds{250});
        CPPUNIT_ASSERT(_settings.durationOrForever("absent", forever) == forever);
        set("limit", "for ever");
        const auto message = refusal([&] { _settings.durationOrForever("limit", forever); });
        assertContains(message, "\"for ever\"");
        assertContains(message, "or forever");
    }

    void testNumbersAreWholeAndInTheirBounds()
    {
        set("n", "7");
        CPPUNIT_ASSERT_EQUAL(7LL, _settings.number("n", 1, 0, 9));
        CPPUNIT_ASSERT_EQUAL(3LL, _settings.number("absent", 3, 0, 9));
        for (const char* wrong : {"10", "-1", "7x", "0x7", "7.0", "99999999999999999999"})
        {
            set("n", wrong);
            const auto message = refusal([&] { _settings.number("n", 1, 0, 9); });
            assertContains(message, wrong);
            assertContains(message, "from 0 to 9");
        }
    }

    void testFlagsAndChoicesRefuseOtherWords()
    {
        set("f", "on");
        CPPUNIT_ASSERT(_settings.flag("f", false));
        set("f", "no");
        CPPUNIT_ASSERT(!_settings.flag("f", true));
        CPPUNIT_ASSERT(_settings.flag("absent", true));
        set("f", "maybe");
        assertContains(refusal([&] { _settings.flag("f", true); }), "maybe");
        CPPUNIT_ASSERT_EQUAL(std::string("full"), _settings.choice("durability", {"full", "normal"}));
        set("durability", "none");
        assertContains(refusal([&] { _settings.choice("durability", {"full", "normal"}); }), "full, normal");
    }

    void testAnEmptyValueIsRefused()
    {
        set("path", "");
        assertContains(refusal([&] { _settings.text("path"); }), "leasehold.store.x.path has no value");
    }

    void testAnEnvironmentVariableIsExpandedOnceAndVerbatim()
    {
        Poco::Environment::set("LEASEHOLD_UNIT_TEST", "a${b}c");
        set("password", "<${system.env.LEASEHOLD_UNIT_TEST}>");
        CPPUNIT_ASSERT_EQUAL(std::string("<a${b}c>"), *_settings.secret("password"));
    }

    void testAReferenceToAnotherKeyIsExpanded()
    {
        _map->setString("base", "/srv");
        set("path", "${base}/locks.db");
        CPPUNIT_ASSERT_EQUAL(std::string("/srv/locks.db"), _settings.text("path"));
    }

    void testAnUnsetVariableNamesKeyAndVariable()
    {
        set("path", "/${system.env.LEASEHOLD_NEVER_SET}/x");
        const auto message = refusal([&] { _settings.text("path"); });
        assertContains(message, "leasehold.store.x.path");
        assertContains(message, "system.env.LEASEHOLD_NEVER_SET");
    }

    void testAnUnfinishedReferenceIsRefused()
    {
        for (const char* wrong : {"a${b", "${", "${}"})
        {
            set("path", wrong);
            assertContains(refusal([&] { _settings.text("path"); }), "leasehold.store.x.path");
        }
    }

    void testAReferenceThatLeadsBackToItselfIsRefused()
    {
        set("path", "${leasehold.store.x.path}");
        assertContains(refusal([&] { _settings.text("path"); }), "back to itself");
    }

    /// Guards against a value that takes hours to expand: each key names the next one eight times.
    void testReferencesThatMultiplyAreRefused()
    {
        for (char key = 'a'; key < 'i'; ++key)
        {
            std::string value;
            for (int times = 0; times < 8; ++times)
                value += std::string("${") + static_cast<char>(key + 1) + "}";
            _map->setString(std::string(1, key), value);
        }
        _map->setString("i", "x");
        set("path", "${a}");
        assertContains(refusal([&] { _settings.text("path"); }), "more than 1000 times");
    }

    void testASecretNeverShows()
    {
        set("password", "hunter2${unset}");
        assertLacks(refusal([&] { _settings.secret("password"); }), "hunter2");
        set("password", "hunter2");
        CPPUNIT_ASSERT_EQUAL(std::string("hunter2"), *_settings.secret("password"));
        assertLacks(refusal([&] { _settings.refuse("password", "hunter2", "something longer"); }), "hunter2");
        _settings.refuseSecrets("may not stand here");
        const auto message = refusal([&] { _settings.secret("password"); });
        assertContains(message, "may not stand here");
        assertLacks(message, "hunter2");
    }

    void testTheKeysThatWereAskedForAreRemembered()
    {
        _settings.text("a", "one");
        _settings.duration("b", Milliseconds{1500});
        _settings.secret("c");
        CPPUNIT_ASSERT(_settings.asked() == (std::set<std::string>{"a", "b", "c"}));
        CPPUNIT_ASSERT(_settings.defaults() == (std::map<std::string, std::string>{{"a", "one"}, {"b", "1500ms"}, {"c", ""}}));
    }

    void testAKeyThatStandsTwiceInAFileIsRefused()
    {
        const Poco::TemporaryFile file;
        std::ofstream(file.path()) << "other = 1\nother = 2\nleasehold.store.type = memory\nleasehold.store.type = sqlite\n";
        const auto message = refusal([&] { loadConfiguration(file.path()); });
        assertContains(message, "leasehold.store.type stands twice");
        assertContains(message, file.path());
        std::ofstream(file.path()) << "other = 1\nother = 2\nleasehold.store.type = memory\n";
        CPPUNIT_ASSERT_EQUAL(std::string("memory"), loadConfiguration(file.path())->getString("leasehold.store.type"));
    }

    void testAFileThatCannotBeReadIsRefused()
    {
        assertContains(refusal([] { loadConfiguration("/nowhere/at/all.properties"); }), "/nowhere/at/all.properties");
        assertContains(refusal([] { loadConfiguration("/"); }), "the configuration file /");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StoreSettingsTest);
