#include "ServerSuite.h"

#include <cppunit/TestCaller.h>
#include <cppunit/TestSuite.h>
#include <cppunit/extensions/TestFactory.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <initializer_list>
#include <memory>
#include <utility>

namespace Leasehold
{
namespace
{

/// Registers the suites for each storage of this program.
class EndToEndTests : public CppUnit::TestFactory
{
public:
    CppUnit::Test* makeTest() override
    {
        auto tests = std::make_unique<CppUnit::TestSuite>("endtoend");
        for (const auto& kind : storageKinds())
        {
            add<EndToEndSuite>(
                *tests, kind,
                {{"testOneOfTwentyRacingThreadsIsGranted", &EndToEndSuite::testOneOfTwentyRacingThreadsIsGranted},
                 {"testSuccessorOfExpiredLockHasOwnTokenAndGreaterFence",
                  &EndToEndSuite::testSuccessorOfExpiredLockHasOwnTokenAndGreaterFence},
                 {"testKilledHolderIsSucceededWhenItsLeaseHasEnded", &EndToEndSuite::testKilledHolderIsSucceededWhenItsLeaseHasEnded},
                 {"testShortLeaseIsKeptForFiveSeconds", &EndToEndSuite::testShortLeaseIsKeptForFiveSeconds},
                 {"testEightProcessesThatIncrementLoseNoUpdate", &EndToEndSuite::testEightProcessesThatIncrementLoseNoUpdate},
                 {"testTwoProcessesThatLoopOnOneLockShareIt", &EndToEndSuite::testTwoProcessesThatLoopOnOneLockShareIt},
                 {"testStoppedHolderIsNeverTheHolderAgain", &EndToEndSuite::testStoppedHolderIsNeverTheHolderAgain},
                 {"testTwentyProcessesStartAtOnceOnAnEmptyStore", &EndToEndSuite::testTwentyProcessesStartAtOnceOnAnEmptyStore},
                 {"testLossIsToldInTimeWhenTheStoreHangs", &EndToEndSuite::testLossIsToldInTimeWhenTheStoreHangs}});
            if (!kind.hasServer)
                continue;
            add<ServerSuite>(
                *tests, kind,
                {{"testServerThatIsDownIsNamedAndUsedWhenItIsBack", &ServerSuite::testServerThatIsDownIsNamedAndUsedWhenItIsBack},
                 {"testBadNetworkIsUnavailableInTimeAndNeverBusy", &ServerSuite::testBadNetworkIsUnavailableInTimeAndNeverBusy},
                 {"testLostReplyOfAGrantBlocksNobody", &ServerSuite::testLostReplyOfAGrantBlocksNobody},
                 {"testDeletedStorageLosesLocksAndGrantsNothingForATtl",
                  &ServerSuite::testDeletedStorageLosesLocksAndGrantsNothingForATtl}});
        }
        return tests.release();
    }

private:
    template <typename Suite>
    static void add(CppUnit::TestSuite& tests, const StorageKind& kind,
                    std::initializer_list<std::pair<const char*, void (Suite::*)()>> named)
    {
        for (const auto& [name, test] : named)
            tests.addTest(new CppUnit::TestCaller<Suite>(kind.name + "::" + name, test, new Suite(kind))); // the suite owns it
    }
};

[[maybe_unused]] const bool isRegistered = []
{
    static EndToEndTests tests; // CppUnit's registry does not own it
    CppUnit::TestFactoryRegistry::getRegistry().registerFactory(&tests);
    return true;
}();

} // namespace
} // namespace Leasehold
