#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/StorageCapabilities.h"
#include "Leasehold/StoreBench.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

/// The tests of the kit, each with the capabilities that it needs. A test is its name and its body in one expression, so no test can be
/// written and not run:
///
///     suite.test("testFreeLockIsGranted", [](StoreBench& bench) { ... });
///     suite.test<Outage>("testOutageIsNotBusy", [](StoreBench& bench, Outage& outage) { ... });
class LEASEHOLD_EXPORT ConformanceSuite
{
public:
    /// One test.
    struct Test
    {
        std::string name{};                                     ///< "rule::testFreeLockIsGranted"
        CapabilitySet needs{};                                  ///< a harness that lacks one of these does not run it
        std::function<void(StoreHarness&, StoreBench&)> body{}; ///< fails as a CppUnit test does
    };

    /// Sets the layer of the tests that are added from now on.
    void layer(std::string name) { _layer = std::move(name); }

    /// Adds a test. `body` is called with the bench and with the harness as each of `Needs`, the classes of StorageCapabilities.h.
    template <typename... Needs, typename Body>
    void test(const std::string& name, Body body)
    {
        add({_layer + "::" + name, CapabilitySet{Needs::capability...},
             [body](StoreHarness& harness, StoreBench& bench) { body(bench, dynamic_cast<Needs&>(harness)...); }});
    }

    /// The tests that were added, in this order.
    const std::vector<Test>& tests() const { return _tests; }

    /// All tests of the kit.
    static const ConformanceSuite& whole();

private:
    void add(Test test);

    std::string _layer;
    std::vector<Test> _tests;
};

} // namespace Leasehold
