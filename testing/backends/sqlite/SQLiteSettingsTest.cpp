#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/loadConfiguration.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "configuredStore.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>

namespace Leasehold
{

class SQLiteSettingsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteSettingsTest);
    CPPUNIT_TEST(testKeysDescribeTheStore);
    CPPUNIT_TEST(testUrlDescribesTheStore);
    CPPUNIT_TEST(testWrongValuesAreRefusedNamingTheKey);
    CPPUNIT_TEST(testRelativePathIsResolvedAtConstruction);
    CPPUNIT_TEST(testRelativePathInAFileIsTakenFromTheFilesFolder);
    CPPUNIT_TEST_SUITE_END();

    using Keys = ConfiguredStore::Keys;

    static std::shared_ptr<LockStore> create(const Keys& keys) { return configured.create(keys); }

    static inline const ConfiguredStore configured{registerSQLiteStore, "sqlite"};

public:
    void testKeysDescribeTheStore()
    {
        const auto info = create({{"path", "/var/lib/locks.db"}})->info();
        CPPUNIT_ASSERT_EQUAL(std::string("sqlite"), info.type);
        CPPUNIT_ASSERT_EQUAL(std::string("/var/lib/locks.db"), info.location);
        CPPUNIT_ASSERT(info.durable);
        CPPUNIT_ASSERT(!info.sharedAcrossHosts);
        CPPUNIT_ASSERT(info.clockUncertainty > Milliseconds::zero());
        CPPUNIT_ASSERT(!create({{"path", "/var/lib/locks.db"}, {"durability", "normal"}})->info().durable);
    }

    void testUrlDescribesTheStore()
    {
        StoreRegistry registry;
        registerSQLiteStore(registry);
        const auto info = registry.open("sqlite:///var/lib/locks.db?durability=normal")->info();
        CPPUNIT_ASSERT_EQUAL(std::string("/var/lib/locks.db"), info.location);
        CPPUNIT_ASSERT(!info.durable);
    }

    void testWrongValuesAreRefusedNamingTheKey()
    {
        const std::vector<std::pair<Keys, std::string>> wrong{
            {{}, "leasehold.store.sqlite.path"},
            {{{"path", ":memory:"}}, "leasehold.store.sqlite.path"},
            {{{"path", "file:x?mode=memory"}}, "leasehold.store.sqlite.path"},
            {{{"path", "/var/lib/"}}, "leasehold.store.sqlite.path"},
            {{{"path", "/x.db"}, {"durability", "none"}}, "leasehold.store.sqlite.durability"},
            {{{"path", "/x.db"}, {"durabilty", "full"}}, "leasehold.store.sqlite.durability"},
        };
        for (const auto& [keys, named] : wrong)
            assertNames(messageOf<LockConfigurationError>([&keys = keys] { create(keys); }), {named});
        CPPUNIT_ASSERT_THROW(openStore(""), LockConfigurationError);
        CPPUNIT_ASSERT_THROW(openStore(":memory:"), LockConfigurationError);
        CPPUNIT_ASSERT_THROW(openStore(std::string("/x.db\0/y", 8)), LockConfigurationError);
    }

    void testRelativePathIsResolvedAtConstruction()
    {
        const TestDirectory first, second;
        const auto before = std::filesystem::current_path();
        std::filesystem::current_path(first.path());
        const auto store = openStore("locks.db");
        std::filesystem::current_path(second.path());
        take(*store, "job", "token");
        std::filesystem::current_path(before);
        CPPUNIT_ASSERT_EQUAL(first.file("locks.db"), store->info().location);
        CPPUNIT_ASSERT(std::filesystem::exists(first.file("locks.db")));
        CPPUNIT_ASSERT(!std::filesystem::exists(second.file("locks.db")));
    }

    void testRelativePathInAFileIsTakenFromTheFilesFolder()
    {
        const TestDirectory folder;
        StoreRegistry registry;
        registerSQLiteStore(registry);
        const auto file = folder.file("leasehold.properties");
        std::ofstream(file) << "leasehold.store.type = sqlite\nleasehold.store.sqlite.path = locks.db\n";
        CPPUNIT_ASSERT_EQUAL(folder.file("locks.db"), registry.create(*loadConfiguration(file))->info().location);
        std::ofstream(file) << "leasehold.store.type = sqlite\nleasehold.store.sqlite.path = :memory:\n";
        CPPUNIT_ASSERT_THROW(registry.create(*loadConfiguration(file)), LockConfigurationError);
        const auto here = std::filesystem::current_path() / "locks.db";
        CPPUNIT_ASSERT_EQUAL(here.string(), registry.open("sqlite:locks.db")->info().location);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteSettingsTest);

} // namespace Leasehold
