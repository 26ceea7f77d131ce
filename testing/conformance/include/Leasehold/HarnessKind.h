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

/// A kind of harness, as the kit knows it.
struct HarnessKind
{
    std::string name{}; ///< of the storage: the tests are called NAME::LAYER::TEST
    CapabilitySet capabilities{};
    std::function<std::unique_ptr<StoreHarness>()> make{};
    /// Opens the storage in a process that the kit started; empty without Capability::processes.
    std::function<std::shared_ptr<LockStore>(const std::string& location)> openElsewhere{};
    /// Which of the capabilities this very machine does not allow, each with the reason; the tests that need one are left out then,
    /// and the runner says so. Asked once, before the tests run, and not in the processes of the kit. May be empty.
    std::function<std::map<Capability, std::string>()> notAllowedHere{};
};

template <typename Harness>
HarnessKind harnessKind(std::string name, std::function<std::unique_ptr<StoreHarness>()> make)
{
    HarnessKind kind{std::move(name), capabilitiesOf<Harness>(), std::move(make), {}, {}};
    if constexpr (std::is_base_of_v<Processes, Harness>)
        kind.openElsewhere = &Harness::openElsewhere;
    return kind;
}

} // namespace Leasehold
