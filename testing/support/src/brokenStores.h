#pragma once

#include "Leasehold/BrokenStore.h"
#include "Leasehold/ReferenceLockStore.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

template <typename Store>
BrokenStore brokenStore(std::string fault, std::string seenIn)
{
    return {std::move(fault), std::move(seenIn), [](std::shared_ptr<ReferenceStorage> storage) -> std::shared_ptr<LockStore> {
                return std::make_shared<Store>(std::move(storage));
            }};
}

/// Grouped by the part of the contract that the fault breaks.
void addBrokenHolderChecks(std::vector<BrokenStore>& stores);
void addBrokenGrants(std::vector<BrokenStore>& stores);
void addBrokenFences(std::vector<BrokenStore>& stores);
void addBrokenClocks(std::vector<BrokenStore>& stores);
void addBrokenSteps(std::vector<BrokenStore>& stores);
void addBrokenAnswers(std::vector<BrokenStore>& stores);
void addBrokenNotes(std::vector<BrokenStore>& stores);
void addBrokenFeeds(std::vector<BrokenStore>& stores);

} // namespace Leasehold
