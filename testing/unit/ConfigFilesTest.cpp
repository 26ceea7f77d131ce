#include "Leasehold/LockStore.h"
#include "Leasehold/StoreRegistry.h"
#include "Leasehold/loadConfiguration.h"
#include "Leasehold/registerBuiltinStores.h"

#include <Poco/Util/AbstractConfiguration.h>

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <map>
#include <string>

using namespace Leasehold;

namespace
{

struct ConfigFile
{
    std::map<std::string, std::string> all;       // set or commented out
    std::map<std::string, std::string> commented; // only these
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

} // namespace

class ConfigFilesTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ConfigFilesTest);
    CPPUNIT_TEST(testEveryFileMakesItsStore);
    CPPUNIT_TEST(testEveryFileHasTheKeysThatTheCodeAcceptsAndTheirDefaults);
    CPPUNIT_TEST_SUITE_END();

    StoreRegistry _registry;

public:
    void setUp() override { registerBuiltinStores(_registry); }

    void testEveryFileMakesItsStore()
    {
        CPPUNIT_ASSERT(!_registry.types().empty());
        for (const auto& type : _registry.types())
        {
            const auto configuration = loadConfiguration("config/" + type + ".properties");
            CPPUNIT_ASSERT_EQUAL(type, _registry.create(*configuration)->info().type);
            _registry.policy(*configuration);
        }
    }

    void testEveryFileHasTheKeysThatTheCodeAcceptsAndTheirDefaults()
    {
        for (const auto& type : _registry.types())
        {
            const auto path = "config/" + type + ".properties";
            const auto configuration = loadConfiguration(path);
            auto known = _registry.knownKeys(*configuration);
            // Keys of the other kind of backoff: the file shows both.
            for (const std::string place : {"wait", "retry"})
                configuration->setString("leasehold.policy." + place + ".backoff.type", "fixed");
            known.merge(_registry.knownKeys(*configuration));

            const auto file = readConfigFile(path);
            for (const auto& [key, fallback] : known)
                CPPUNIT_ASSERT_MESSAGE(path + " lacks " + key, file.all.contains(key));
            for (const auto& [key, value] : file.all)
                CPPUNIT_ASSERT_MESSAGE(path + " has " + key + ", which the code does not know", known.contains(key));
            for (const auto& [key, value] : file.commented)
                CPPUNIT_ASSERT_EQUAL_MESSAGE(path + ": " + key, known[key], value);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConfigFilesTest);
