#pragma once

#include "Leasehold/StorageCapabilities.h"
#include "Leasehold/StoreBench.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

/// The tests of the kit, each with what it needs. A test is its name and its body in one expression, so that none can be
/// written and not run:
///
///     suite.test("testAFreeLockIsGranted", [](StoreBench& bench) { ... });
///     suite.test<Outage>("testAnOutageIsNotBusy", [](StoreBench& bench, Outage& outage) { ... });
class ConformanceSuite
{
public:
    struct Test
    {
        std::string name{}; ///< "rule::testAFreeLockIsGranted"
        CapabilitySet needs{};
        std::function<void(StoreHarness&, StoreBench&)> body{};
    };

    /// The layer of the tests that are added from now on.
    void layer(std::string name) { _layer = std::move(name); }

    template <typename... Needs, typename Body>
    void test(const std::string& name, Body body)
    {
        add({_layer + "::" + name, CapabilitySet{Needs::capability...},
             [body](StoreHarness& harness, StoreBench& bench) { body(bench, dynamic_cast<Needs&>(harness)...); }});
    }

    const std::vector<Test>& tests() const { return _tests; }

    /// All tests of the kit.
    static const ConformanceSuite& whole();

private:
    void add(Test test);

    std::string _layer;
    std::vector<Test> _tests;
};

} // namespace Leasehold
