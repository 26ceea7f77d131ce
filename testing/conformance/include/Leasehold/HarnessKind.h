#pragma once

#include "Leasehold/StorageCapabilities.h"
#include "Leasehold/StoreHarness.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace Leasehold
{

/// A kind of harness: its name, its capabilities and how to make one.
struct HarnessKind
{
    std::string name{};                                    ///< of the storage: the tests are called NAME::LAYER::TEST
    CapabilitySet capabilities{};                          ///< of its class of harness, see capabilitiesOf
    std::function<std::unique_ptr<StoreHarness>()> make{}; ///< makes a harness: a new, empty storage
    /// Opens the storage in a process that the kit started; empty without Capability::processes.
    std::function<std::shared_ptr<LockStore>(const std::string& location)> openElsewhere{};
    /// The capabilities that this machine does not allow, each with the reason. The tests that need one are left out, and the runner says
    /// so. Called once before the tests run, and not in the kit's processes. May be empty.
    std::function<std::map<Capability, std::string>()> notAllowedHere{};
};

/// The kind of the class `Harness`, whose objects `make` makes.
template <typename Harness>
HarnessKind harnessKind(std::string name, std::function<std::unique_ptr<StoreHarness>()> make)
{
    HarnessKind kind{std::move(name), capabilitiesOf<Harness>(), std::move(make), {}, {}};
    if constexpr (std::is_base_of_v<Processes, Harness>)
        kind.openElsewhere = &Harness::openElsewhere;
    return kind;
}

} // namespace Leasehold
