#pragma once

#include "Leasehold/LockStore.h"
#include "Leasehold/ReferenceStorage.h"

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
    std::string seenIn{}; ///< where such a fault was found, or how it comes about
    std::function<std::shared_ptr<LockStore>(std::shared_ptr<ReferenceStorage>)> open{};
};

/// All of them, each fault once.
const std::vector<BrokenStore>& brokenStores();

} // namespace Leasehold
