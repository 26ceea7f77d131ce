#include "KitOnBrokenStore.h"

#include "Leasehold/registerConformance.h"
#include "ReferenceHarness.h"

#include <cppunit/Test.h>
#include <cppunit/TestFailure.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestResultCollector.h>

namespace Leasehold
{

namespace
{

HarnessKind kindOf(const BrokenStore& store)
{
    return harnessKind<ReferenceHarness>("broken", [&store] { return std::make_unique<ReferenceHarness>(store.open); });
}

/// Without the name of the kind.
std::string inTheKit(const HarnessKind& kind, const std::string& name)
{
    return name.substr(kind.name.size() + 2);
}

} // namespace

std::set<std::string> testsThatFail(const HarnessKind& kind, const std::string& only)
{
    const std::unique_ptr<CppUnit::Test> kit(makeConformanceTests(kind));
    CppUnit::TestResult result;
    CppUnit::TestResultCollector collector;
    result.addListener(&collector);
    for (int index = 0; index < kit->getChildTestCount(); ++index)
        if (auto* test = kit->getChildTestAt(index); inTheKit(kind, test->getName()).find(only) != std::string::npos)
            test->run(&result);
    std::set<std::string> names;
    for (const auto* failure : collector.failures())
        names.insert(inTheKit(kind, failure->failedTestName()));
    return names;
}

std::set<std::string> testsThatCatch(const BrokenStore& store)
{
    return testsThatFail(kindOf(store));
}

std::set<std::string> testsOfTheKit()
{
    const auto kind = kindOf(brokenStores().front());
    const std::unique_ptr<CppUnit::Test> kit(makeConformanceTests(kind));
    std::set<std::string> names;
    for (int index = 0; index < kit->getChildTestCount(); ++index)
        names.insert(inTheKit(kind, kit->getChildTestAt(index)->getName()));
    return names;
}

} // namespace Leasehold
