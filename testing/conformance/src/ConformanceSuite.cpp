#include "Leasehold/ConformanceSuite.h"

#include "suites.h"

#include <algorithm>
#include <stdexcept>

namespace Leasehold
{

const ConformanceSuite& ConformanceSuite::whole()
{
    static const ConformanceSuite suite = []
    {
        ConformanceSuite all;
        addRuleTests(all);
        addExpiryTests(all);
        addFenceTests(all);
        addAdversaryTests(all);
        addNameTests(all);
        addBatchTests(all);
        addWaitingTests(all);
        addFeedTests(all);
        addTroubleTests(all);
        addThreadTests(all);
        addAtomicityTests(all);
        addProcessTests(all);
        return all;
    }();
    return suite;
}

void ConformanceSuite::add(Test test)
{
    // The name of a failed test must be unique.
    if (std::ranges::any_of(_tests, [&](const Test& other) { return other.name == test.name; }))
        throw std::logic_error("two tests of the kit are called " + test.name);
    _tests.push_back(std::move(test));
}

} // namespace Leasehold
