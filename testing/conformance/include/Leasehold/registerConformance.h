#pragma once

#include "Leasehold/StorageCapabilities.h"
#include "Leasehold/StoreHarness.h"

#include <cppunit/Test.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace Leasehold
{

/// A kind of harness, as the kit knows it.
struct HarnessKind
{
    std::string name{}; ///< of the storage: the tests are called NAME::LAYER::TEST
    CapabilitySet capabilities{};
    std::function<std::unique_ptr<StoreHarness>()> make{};
    /// Opens the storage in a process that the kit started; empty without Capability::processes.
    std::function<std::shared_ptr<LockStore>(const std::string& location)> openElsewhere{};
};

template <typename Harness>
HarnessKind harnessKind(std::string name, std::function<std::unique_ptr<StoreHarness>()> make)
{
    HarnessKind kind{std::move(name), capabilitiesOf<Harness>(), std::move(make), {}};
    if constexpr (std::is_base_of_v<Processes, Harness>)
        kind.openElsewhere = &Harness::openElsewhere;
    return kind;
}

/// The tests of the kit that a harness of this kind can run, as one CppUnit suite that the caller owns.
CppUnit::Test* makeConformanceTests(const HarnessKind& kind);

/// Which tests it can not run, and for want of what: one line a capability, empty if there is none.
std::string describeMissing(const HarnessKind& kind);

/// Adds the kit's tests for this kind to the tests that runTests runs, which also prints what describeMissing says. Throws
/// std::logic_error if the name is taken.
bool registerConformance(HarnessKind kind);

/// The usual way, in the one source file of a store's conformance test:
///
///     const bool registered = registerConformance<MyHarness>("mystore");
///
/// Arguments after the name go to each harness's constructor.
template <typename Harness, typename... Arguments>
bool registerConformance(std::string name, Arguments... arguments)
{
    return registerConformance(harnessKind<Harness>(
        std::move(name), [arguments...]() -> std::unique_ptr<StoreHarness> { return std::make_unique<Harness>(arguments...); }));
}

} // namespace Leasehold
