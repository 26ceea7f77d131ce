#include "StorageAdapter.h"

#include "Leasehold/ChildProcess.h"

#include <Poco/TemporaryFile.h>

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>

namespace Leasehold
{

/// One program and one properties file, in which one changed line changes the store. Tests the default kind of each store of this program.
class ConfiguredStoreTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ConfiguredStoreTest);
    CPPUNIT_TEST(testOneChangedLineChangesTheStoreOfAProgram);
    CPPUNIT_TEST_SUITE_END();

public:
    void testOneChangedLineChangesTheStoreOfAProgram()
    {
        std::vector<std::string> types;
        std::string rest = "leasehold.policy.lease.ttl = 10s\n";
        for (const auto& kind : storageKinds())
        {
            if (!types.empty() && types.back() == kind.type)
                continue;
            auto& storage = sharedStorage(kind);
            storage.emptyStorage();
            rest += storage.properties();
            types.push_back(kind.type);
        }
        CPPUNIT_ASSERT(types.size() > 1);
        // There and back, so that the fence must also grow in a store that is used again.
        auto order = types;
        order.insert(order.end(), types.rbegin(), types.rend());

        Poco::TemporaryFile folder;
        folder.createDirectories();
        const auto file = folder.path() + "/program.properties";
        unsigned long long last = 0;
        for (const auto& type : order)
        {
            std::ofstream(file) << "leasehold.store.type = " << type << "\n" << rest;
            ChildProcess program({LEASEHOLD_ENDTOEND_WORKER, "configured", file, "nightly"});
            const auto said = program.hear();
            CPPUNIT_ASSERT_EQUAL(0, program.wait());
            const auto space = said.find(' ');
            CPPUNIT_ASSERT_EQUAL(type, said.substr(0, space));
            // Fences are based on time, so they also grow from one store to the next.
            const auto fence = std::stoull(said.substr(space));
            CPPUNIT_ASSERT(fence > last);
            last = fence;
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConfiguredStoreTest);

} // namespace Leasehold
