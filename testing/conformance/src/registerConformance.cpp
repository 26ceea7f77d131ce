#include "Leasehold/registerConformance.h"

#include "HarnessRegistry.h"
#include "Leasehold/ConformanceSuite.h"

#include <cppunit/TestCase.h>
#include <cppunit/TestSuite.h>
#include <cppunit/extensions/TestFactory.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace Leasehold
{
namespace
{

/// One test of the kit on a storage of its own.
class ConformanceTest : public CppUnit::TestCase
{
public:
    ConformanceTest(const HarnessKind& kind, const ConformanceSuite::Test& test) :
        CppUnit::TestCase(kind.name + "::" + test.name), _kind(kind), _body(test.body)
    {
    }

protected:
    void runTest() override
    {
        const auto harness = _kind.make();
        StoreBench bench(_kind, *harness);
        _body(*harness, bench);
    }

private:
    const HarnessKind _kind;
    const std::function<void(StoreHarness&, StoreBench&)> _body;
};

class ConformanceFactory : public CppUnit::TestFactory
{
public:
    explicit ConformanceFactory(const HarnessKind& kind) : _kind(kind) {}
    CppUnit::Test* makeTest() override { return makeConformanceTests(_kind); }

private:
    const HarnessKind& _kind;
};

bool canRun(const HarnessKind& kind, const ConformanceSuite::Test& test)
{
    return std::ranges::includes(kind.capabilities, test.needs);
}

std::list<HarnessKind>& forProcesses()
{
    static std::list<HarnessKind> harnesses; // inside the function, for the same reason as below
    return harnesses;
}

void requireNewName(const HarnessKind& kind)
{
    if (findHarness(kind.name))
        throw std::logic_error("two conformance harnesses are called \"" + kind.name + "\"");
}

} // namespace

const HarnessKind* findHarness(const std::string& name)
{
    for (const auto* harnesses : {&registeredHarnesses(), &forProcesses()})
        for (const auto& harness : *harnesses)
            if (harness.name == name)
                return &harness;
    return nullptr;
}

std::list<HarnessKind>& registeredHarnesses()
{
    static std::list<HarnessKind> harnesses; // inside the function, because initialisers of other files register harnesses
    return harnesses;
}

CppUnit::Test* makeConformanceTests(const HarnessKind& kind)
{
    auto suite = std::make_unique<CppUnit::TestSuite>(kind.name);
    for (const auto& test : ConformanceSuite::whole().tests())
        if (canRun(kind, test))
            suite->addTest(new ConformanceTest(kind, test)); // the suite owns it
    return suite.release();
}

std::string leaveOutMissing(HarnessKind& kind)
{
    const auto reasons = kind.notAllowedHere ? kind.notAllowedHere() : std::map<Capability, std::string>{};
    for (const auto& [capability, reason] : reasons)
        kind.capabilities.erase(capability);
    std::map<Capability, std::string> missing;
    for (const auto& test : ConformanceSuite::whole().tests())
        for (const auto need : test.needs)
            if (!kind.capabilities.contains(need))
                missing[need] += ' ' + test.name;
    std::string text;
    // testing/count parses this form: "NAME: left out, for want of WHAT: TEST TEST ...".
    for (const auto& [capability, tests] : missing)
    {
        const auto reason = reasons.find(capability);
        text += kind.name + ": left out, for want of " + toString(capability) +
                (reason == reasons.end() ? "" : " on this machine (" + reason->second + ")") + ':' + tests + '\n';
    }
    return text;
}

void registerForProcesses(HarnessKind kind)
{
    requireNewName(kind);
    forProcesses().push_back(std::move(kind));
}

bool registerConformance(HarnessKind kind)
{
    requireNewName(kind);
    auto& harnesses = registeredHarnesses();
    harnesses.push_back(std::move(kind));
    static std::list<ConformanceFactory> factories; // CppUnit's registry does not own them
    CppUnit::TestFactoryRegistry::getRegistry().registerFactory(&factories.emplace_back(harnesses.back()));
    return true;
}

} // namespace Leasehold
