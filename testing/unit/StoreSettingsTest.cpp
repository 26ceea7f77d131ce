#include "Leasehold/Store/StoreSettings.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/loadConfiguration.h"
#include "thrown.h"

#include <Poco/AutoPtr.h>
#include <Poco/Environment.h>
#include <Poco/TemporaryFile.h>
#include <Poco/Util/MapConfiguration.h>

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <random>

using namespace Leasehold;

class StoreSettingsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(StoreSettingsTest);
    CPPUNIT_TEST(testMissingRequiredKeyIsNamedWithItsMisspelling);
    CPPUNIT_TEST(testMissingKeyDoesNotFallBackToTheRoot);
    CPPUNIT_TEST(testMalformedDurationNamesKeyValueAndWhatIsAllowed);
    CPPUNIT_TEST(testRubbishIsNoDuration);
    CPPUNIT_TEST(testForeverIsADurationOnlyWhereItIsAllowed);
    CPPUNIT_TEST(testNumbersAreWholeAndInTheirBounds);
    CPPUNIT_TEST(testFlagsAndChoicesRefuseOtherWords);
    CPPUNIT_TEST(testEmptyValueIsRefused);
    CPPUNIT_TEST(testEnvironmentVariableIsExpandedOnceAndVerbatim);
    CPPUNIT_TEST(testReferenceToAnotherKeyIsExpanded);
    CPPUNIT_TEST(testUnsetVariableNamesKeyAndVariable);
    CPPUNIT_TEST(testUnfinishedReferenceIsRefused);
    CPPUNIT_TEST(testReferenceThatLeadsBackToItselfIsRefused);
    CPPUNIT_TEST(testReferencesThatMultiplyAreRefused);
    CPPUNIT_TEST(testSecretNeverShows);
    CPPUNIT_TEST(testKeysThatWereAskedForAreRemembered);
    CPPUNIT_TEST(testKeyThatStandsTwiceInAFileIsRefused);
    CPPUNIT_TEST(testFileThatCannotBeReadIsRefused);
    CPPUNIT_TEST(testByteOrderMarkIsSkipped);
    CPPUNIT_TEST(testFileInUtf16IsRefusedByName);
    CPPUNIT_TEST(testRelativePathIsTakenFromTheFolderOfItsFile);
    CPPUNIT_TEST_SUITE_END();

    Poco::AutoPtr<Poco::Util::MapConfiguration> _map{new Poco::Util::MapConfiguration};
    StoreSettings _settings{*_map, "leasehold.store.x."};

    void set(const std::string& key, const std::string& value) { _map->setString("leasehold.store.x." + key, value); }

    void testMissingRequiredKeyIsNamedWithItsMisspelling()
    {
        set("pth", "somewhere");
        const auto message = messageOf<LockConfigurationError>([&] { _settings.text("path"); });
        assertNames(message, {"leasehold.store.x.path is missing"});
        assertNames(message, {"leasehold.store.x.pth"});
        assertLacks(message, "somewhere");
    }

    void testMissingKeyDoesNotFallBackToTheRoot()
    {
        _map->setString("path", "the root's");
        CPPUNIT_ASSERT(!_settings.optionalText("path"));
        CPPUNIT_ASSERT_EQUAL(std::string("mine"), _settings.text("path", "mine"));
    }

    void testMalformedDurationNamesKeyValueAndWhatIsAllowed()
    {
        set("ttl", "30");
        const auto message = messageOf<LockConfigurationError>([&] { _settings.duration("ttl", Milliseconds{1}); });
        assertNames(message, {"leasehold.store.x.ttl"});
        assertNames(message, {"\"30\""});
        assertNames(message, {"30s"});
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
            assertNames(messageOf<LockConfigurationError>([&] { _settings.duration("ttl", Milliseconds{1}); }), {"leasehold.store.x.ttl"});
        }
        for (const char* rubbish :
             {"1.5s", "-1s", "s", "1 s", "1S", "99999999999999999999ms", "9223372036854775807h", "0x10ms", "1d", "forever"})
        {
            set("ttl", rubbish);
            assertNames(messageOf<LockConfigurationError>([&] { _settings.duration("ttl", Milliseconds{1}); }), {rubbish});
        }
    }

    void testForeverIsADurationOnlyWhereItIsAllowed()
    {
        set("limit", "forever");
        CPPUNIT_ASSERT(_settings.durationOrForever("limit", Milliseconds{1}) == forever);
        assertNames(messageOf<LockConfigurationError>([&] { _settings.optionalDuration("limit"); }), {"forever"});
        set("limit", "250ms");
        CPPUNIT_ASSERT(_settings.durationOrForever("limit", forever) == Milliseconds{250});
        CPPUNIT_ASSERT(_settings.durationOrForever("absent", forever) == forever);
        set("limit", "for ever");
        const auto message = messageOf<LockConfigurationError>([&] { _settings.durationOrForever("limit", forever); });
        assertNames(message, {"\"for ever\""});
        assertNames(message, {"or forever"});
    }

    void testNumbersAreWholeAndInTheirBounds()
    {
        set("n", "7");
        CPPUNIT_ASSERT_EQUAL(7LL, _settings.number("n", 1, 0, 9));
        CPPUNIT_ASSERT_EQUAL(3LL, _settings.number("absent", 3, 0, 9));
        for (const char* wrong : {"10", "-1", "7x", "0x7", "7.0", "99999999999999999999"})
        {
            set("n", wrong);
            const auto message = messageOf<LockConfigurationError>([&] { _settings.number("n", 1, 0, 9); });
            assertNames(message, {wrong});
            assertNames(message, {"from 0 to 9"});
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
        assertNames(messageOf<LockConfigurationError>([&] { _settings.flag("f", true); }), {"maybe"});
        CPPUNIT_ASSERT_EQUAL(std::string("full"), _settings.choice("durability", {"full", "normal"}));
        set("durability", "none");
        assertNames(messageOf<LockConfigurationError>([&] { _settings.choice("durability", {"full", "normal"}); }), {"full, normal"});
    }

    void testEmptyValueIsRefused()
    {
        set("path", "");
        assertNames(messageOf<LockConfigurationError>([&] { _settings.text("path"); }), {"leasehold.store.x.path has no value"});
    }

    void testEnvironmentVariableIsExpandedOnceAndVerbatim()
    {
        Poco::Environment::set("LEASEHOLD_UNIT_TEST", "a${b}c");
        set("password", "<${system.env.LEASEHOLD_UNIT_TEST}>");
        CPPUNIT_ASSERT_EQUAL(std::string("<a${b}c>"), *_settings.secret("password"));
    }

    void testReferenceToAnotherKeyIsExpanded()
    {
        _map->setString("base", "/srv");
        set("path", "${base}/locks.db");
        CPPUNIT_ASSERT_EQUAL(std::string("/srv/locks.db"), _settings.text("path"));
    }

    void testUnsetVariableNamesKeyAndVariable()
    {
        set("path", "/${system.env.LEASEHOLD_NEVER_SET}/x");
        const auto message = messageOf<LockConfigurationError>([&] { _settings.text("path"); });
        assertNames(message, {"leasehold.store.x.path"});
        assertNames(message, {"system.env.LEASEHOLD_NEVER_SET"});
    }

    void testUnfinishedReferenceIsRefused()
    {
        for (const char* wrong : {"a${b", "${", "${}"})
        {
            set("path", wrong);
            assertNames(messageOf<LockConfigurationError>([&] { _settings.text("path"); }), {"leasehold.store.x.path"});
        }
    }

    void testReferenceThatLeadsBackToItselfIsRefused()
    {
        set("path", "${leasehold.store.x.path}");
        assertNames(messageOf<LockConfigurationError>([&] { _settings.text("path"); }), {"back to itself"});
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
        assertNames(messageOf<LockConfigurationError>([&] { _settings.text("path"); }), {"more than 1000 times"});
    }

    void testSecretNeverShows()
    {
        set("password", "hunter2${unset}");
        assertLacks(messageOf<LockConfigurationError>([&] { _settings.secret("password"); }), "hunter2");
        set("password", "hunter2");
        CPPUNIT_ASSERT_EQUAL(std::string("hunter2"), *_settings.secret("password"));
        assertLacks(messageOf<LockConfigurationError>([&] { _settings.refuse("password", "hunter2", "something longer"); }), "hunter2");
        _settings.refuseSecrets("may not stand here");
        const auto message = messageOf<LockConfigurationError>([&] { _settings.secret("password"); });
        assertNames(message, {"may not stand here"});
        assertLacks(message, "hunter2");
    }

    void testKeysThatWereAskedForAreRemembered()
    {
        _settings.text("a", "one");
        _settings.duration("b", Milliseconds{1500});
        _settings.secret("c");
        CPPUNIT_ASSERT(_settings.asked() == (std::set<std::string>{"a", "b", "c"}));
        CPPUNIT_ASSERT(_settings.defaults() == (std::map<std::string, std::string>{{"a", "one"}, {"b", "1500ms"}, {"c", ""}}));
    }

    void testKeyThatStandsTwiceInAFileIsRefused()
    {
        const Poco::TemporaryFile file;
        std::ofstream(file.path()) << "other = 1\nother = 2\nleasehold.store.type = memory\nleasehold.store.type = sqlite\n";
        const auto message = messageOf<LockConfigurationError>([&] { loadConfiguration(file.path()); });
        assertNames(message, {"leasehold.store.type stands twice"});
        assertNames(message, {file.path()});
        std::ofstream(file.path()) << "other = 1\nother = 2\nleasehold.store.type = memory\n";
        CPPUNIT_ASSERT_EQUAL(std::string("memory"), loadConfiguration(file.path())->getString("leasehold.store.type"));
    }

    void testFileThatCannotBeReadIsRefused()
    {
        assertNames(messageOf<LockConfigurationError>([] { loadConfiguration("/nowhere/at/all.properties"); }),
                    {"/nowhere/at/all.properties"});
        assertNames(messageOf<LockConfigurationError>([] { loadConfiguration("/"); }), {"the configuration file /"});
    }

    void testByteOrderMarkIsSkipped()
    {
        const Poco::TemporaryFile file;
        for (const char* start : {"", "\n", "#\n"})
        {
            std::ofstream(file.path()) << "\xEF\xBB\xBF" << start << "leasehold.store.type = memory\n";
            CPPUNIT_ASSERT_EQUAL(std::string("memory"), loadConfiguration(file.path())->getString("leasehold.store.type"));
        }
        for (const char* whole : {"", "\xEF\xBB\xBF", "a"}) // shorter than a mark and a key
        {
            std::ofstream(file.path()) << whole;
            CPPUNIT_ASSERT(!loadConfiguration(file.path())->hasProperty("leasehold.store.type"));
        }
    }

    void testFileInUtf16IsRefusedByName()
    {
        const Poco::TemporaryFile file;
        for (const char* mark : {"\xFF\xFE", "\xFE\xFF"})
        {
            std::ofstream(file.path()) << mark << "x";
            assertNames(messageOf<LockConfigurationError>([&] { loadConfiguration(file.path()); }), {file.path(), "UTF-16", "UTF-8"});
        }
    }

    void testRelativePathIsTakenFromTheFolderOfItsFile()
    {
        const Poco::TemporaryFile file;
        std::ofstream(file.path()) << "leasehold.store.x.path = data/locks.db\n";
        const auto configuration = loadConfiguration(file.path());
        const StoreSettings settings(*configuration, "leasehold.store.x.");
        const auto folder = file.path().substr(0, file.path().rfind('/'));
        CPPUNIT_ASSERT_EQUAL(folder + "/data/locks.db", settings.resolvePath("data/locks.db"));
        CPPUNIT_ASSERT_EQUAL(std::string("/data/locks.db"), settings.resolvePath("/data/locks.db"));
        CPPUNIT_ASSERT_EQUAL(std::string(), settings.resolvePath(""));
        CPPUNIT_ASSERT_EQUAL(std::string("data/locks.db"), _settings.resolvePath("data/locks.db")); // of no file
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StoreSettingsTest);
