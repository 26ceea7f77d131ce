#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/ReferenceStorage.h"
#include "Leasehold/Store/LockStore.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

/// A ReferenceLockStore with one fault, to show that tests of locks can fail.
struct BrokenStore
{
    std::string fault{};  ///< "releaseWithoutOwnerCheck"
    std::string seenIn{}; ///< a product that had this fault, or its usual cause
    /// Opens such a store on the storage. Each store stands for one process.
    std::function<std::shared_ptr<LockStore>(std::shared_ptr<ReferenceStorage>)> open{};
};

/// All broken stores, one for each fault.
LEASEHOLD_EXPORT const std::vector<BrokenStore>& brokenStores();

} // namespace Leasehold
