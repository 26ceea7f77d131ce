#include "Leasehold/Store/LockStore.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/loadConfiguration.h"
#include "Leasehold/registerBuiltinStores.h"

#include <Poco/Util/AbstractConfiguration.h>

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace Leasehold;

namespace
{

struct ConfigFile
{
    std::map<std::string, std::string> all;       // keys that are set or commented out
    std::map<std::string, std::string> commented; // keys that are commented out
};

// A comment whose first word starts with "leasehold." is a key that is commented out.
ConfigFile readConfigFile(const std::string& path)
{
    std::ifstream stream(path);
    CPPUNIT_ASSERT_MESSAGE(path + " must be readable: run the tests from the top of the tree", stream.good());
    ConfigFile file;
    for (std::string line; std::getline(stream, line);)
    {
        const bool commented = line.starts_with("#leasehold.");
        if (!commented && !line.starts_with("leasehold."))
            continue;
        const auto equals = line.find('=');
        CPPUNIT_ASSERT_MESSAGE(line, equals != std::string::npos && equals > 2);
        const auto begin = commented ? std::size_t{1} : std::size_t{0};
        const auto key = line.substr(begin, equals - 1 - begin);
        const auto value = equals + 2 <= line.size() ? line.substr(equals + 2) : std::string{};
        CPPUNIT_ASSERT_MESSAGE(key + " stands twice", file.all.emplace(key, value).second);
        if (commented)
            file.commented.emplace(key, value);
    }
    return file;
}

const std::string sources = LEASEHOLD_SOURCES;

std::string pathOf(const std::string& name)
{
    return sources + "/config/" + name + ".properties";
}

// The words in backticks.
std::vector<std::string> quoted(const std::string& cell)
{
    std::vector<std::string> words;
    for (std::size_t at = cell.find('`'); at != std::string::npos; at = cell.find('`', at))
    {
        const auto end = cell.find('`', at + 1);
        words.push_back(cell.substr(at + 1, end - at - 1));
        at = end == std::string::npos ? end : end + 1;
    }
    return words;
}

/// The keys and defaults of the README's table whose head is "| key (`PREFIX`) | default | meaning |".
std::map<std::string, std::string> readTableOfKeys(const std::string& path, const std::string& prefix)
{
    std::ifstream stream(path);
    CPPUNIT_ASSERT_MESSAGE(path, stream.good());
    std::map<std::string, std::string> keys;
    bool inside = false;
    for (std::string line; std::getline(stream, line);)
    {
        if (!inside || !line.starts_with('|'))
            inside = line.starts_with("| key (`" + prefix + "`) | default |");
        else if (!line.starts_with("| ---"))
        {
            const auto first = line.find('|', 1);
            const auto second = line.find('|', first + 1);
            const auto fallback = quoted(line.substr(first + 1, second - first - 1));
            for (const auto& key : quoted(line.substr(0, first)))
                keys.emplace(prefix + key, fallback.empty() ? "" : fallback.front());
        }
    }
    return keys;
}

std::map<std::string, std::string> below(const std::map<std::string, std::string>& keys, const std::string& prefix)
{
    std::map<std::string, std::string> some;
    for (const auto& [key, fallback] : keys)
    {
        if (key.starts_with(prefix))
            some.emplace(key, fallback);
    }
    return some;
}

} // namespace

class ConfigFilesTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ConfigFilesTest);
    CPPUNIT_TEST(testEveryFileMakesItsStore);
    CPPUNIT_TEST(testFilesHaveExactlyTheKnownKeysAndDefaults);
    CPPUNIT_TEST(testReadmesOfStoresListTheKnownKeysAndDefaults);
    CPPUNIT_TEST(testManifestsListTheRegisteredUrls);
    CPPUNIT_TEST_SUITE_END();

    StoreRegistry _registry;

    // The full keys, also those of both back-offs.
    std::map<std::string, std::string> knownKeys(const std::string& type)
    {
        const auto configuration = loadConfiguration(pathOf(type));
        auto known = _registry.knownKeys(*configuration);
        for (const std::string place : {"wait", "retry"})
            configuration->setString("leasehold.policy." + place + ".backoff.type", "fixed");
        known.merge(_registry.knownKeys(*configuration));
        return known;
    }

    static void requireSame(const std::string& path, const std::map<std::string, std::string>& known)
    {
        const auto file = readConfigFile(path);
        for (const auto& [key, fallback] : known)
            CPPUNIT_ASSERT_MESSAGE(path + " lacks " + key, file.all.contains(key));
        for (const auto& [key, value] : file.all)
            CPPUNIT_ASSERT_MESSAGE(path + " has " + key + ", which the code does not know", known.contains(key));
        for (const auto& [key, value] : file.commented)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(path + ": " + key, known.at(key), value);
    }

public:
    void setUp() override
    {
        registerBuiltinStores(_registry);
        CPPUNIT_ASSERT(!_registry.types().empty());
    }

    void testEveryFileMakesItsStore()
    {
        for (const auto& type : _registry.types())
        {
            const auto configuration = loadConfiguration(pathOf(type));
            CPPUNIT_ASSERT_EQUAL(type, _registry.create(*configuration)->info().type);
            _registry.policy(*configuration);
        }
        _registry.policy(*loadConfiguration(pathOf("policy")));
    }

    void testFilesHaveExactlyTheKnownKeysAndDefaults()
    {
        for (const auto& type : _registry.types())
        {
            requireSame(pathOf(type), below(knownKeys(type), "leasehold.store."));
            requireSame(pathOf("policy"), below(knownKeys(type), "leasehold.policy."));
        }
    }

    void testReadmesOfStoresListTheKnownKeysAndDefaults()
    {
        for (const auto& type : _registry.types())
        {
            const auto prefix = "leasehold.store." + type + ".";
            const auto path = sources + "/backends/" + type + "/README.md";
            const auto known = below(knownKeys(type), prefix);
            const auto table = readTableOfKeys(path, prefix);
            for (const auto& [key, fallback] : known)
            {
                CPPUNIT_ASSERT_MESSAGE(path + " lacks " + key, table.contains(key));
                CPPUNIT_ASSERT_EQUAL_MESSAGE(path + ": " + key, fallback, table.at(key));
            }
            CPPUNIT_ASSERT_EQUAL_MESSAGE(path, known.size(), table.size());
        }
    }

    void testManifestsListTheRegisteredUrls()
    {
        std::istringstream manifests(LEASEHOLD_MANIFEST_URLS);
        std::map<std::string, std::string> urls;
        for (std::string url; manifests >> url;)
            urls.emplace(url.substr(0, url.find(':')), url);
        CPPUNIT_ASSERT(_registry.urls() == urls);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConfigFilesTest);
