#pragma once

#include "CommandLine.h"

#include "Leasehold/LockManagerService.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace Leasehold::Tool
{

/// Where the locks are kept, and the policy that goes with it.
struct ChosenStore
{
    std::shared_ptr<LockStore> store{};
    LockPolicy policy{};
};

/// The options that say which store: the same for every command.
std::span<const OptionSpec> storeOptions();

/// The store of --store or --config, else of LEASEHOLD_STORE, else of /etc/leasehold.properties, else the user's own store, which is then
/// named on standard error unless `quiet`. Throws UsageError and LockConfigurationError. If this program was built without the store, the
/// program with all stores (see README) takes over with `words`, and this does not return.
ChosenStore chooseStore(const CommandLine& commandLine, bool quiet, const std::vector<std::string>& words);

} // namespace Leasehold::Tool
