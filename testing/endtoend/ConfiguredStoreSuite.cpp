#include "ConfiguredStoreSuite.h"

#include "Leasehold/TestProgram.h"

#include <Poco/TemporaryFile.h>

#include <fstream>

namespace Leasehold
{

void ConfiguredStoreSuite::testOneChangedLineChangesTheStoreOfAProgram()
{
    Poco::TemporaryFile folder;
    folder.createDirectories();
    const auto file = folder.path() + "/program.properties";
    const auto rest = "leasehold.policy.lease.ttl = 10s\n" + settings(folder.path());
    // There and back: the fence grows also where a store is used for the second time.
    const auto there = types();
    auto order = there;
    order.insert(order.end(), there.rbegin(), there.rend());
    unsigned long long last = 0;
    for (const auto& type : order)
    {
        std::ofstream(file) << "leasehold.store.type = " << type << "\n" << rest;
        TestProgram program({LEASEHOLD_ENDTOEND_WORKER, "configured", file, "nightly"});
        const auto said = program.hear();
        CPPUNIT_ASSERT_EQUAL(0, program.wait());
        const auto space = said.find(' ');
        CPPUNIT_ASSERT_EQUAL(type, said.substr(0, space));
        // Anchored in time, the fence grows from one store to another too.
        const auto fence = std::stoull(said.substr(space));
        CPPUNIT_ASSERT(fence > last);
        last = fence;
    }
}

} // namespace Leasehold
