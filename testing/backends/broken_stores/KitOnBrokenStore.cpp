#include "KitOnBrokenStore.h"

#include "Leasehold/registerConformance.h"
#include "ReferenceHarness.h"

#include <cppunit/Test.h>
#include <cppunit/TestFailure.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestResultCollector.h>

namespace Leasehold
{

std::set<std::string> testsThatCatch(const BrokenStore& store)
{
    const auto kind = harnessKind<ReferenceHarness>("broken", [&] { return std::make_unique<ReferenceHarness>(store.open); });
    const std::unique_ptr<CppUnit::Test> kit(makeConformanceTests(kind));
    CppUnit::TestResult result;
    CppUnit::TestResultCollector collector;
    result.addListener(&collector);
    kit->run(&result);
    std::set<std::string> names;
    for (const auto* failure : collector.failures())
        names.insert(failure->failedTestName().substr(kind.name.size() + 2)); // behind "broken::"
    return names;
}

} // namespace Leasehold
