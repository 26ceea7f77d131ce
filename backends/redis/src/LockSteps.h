#pragma once

#include "LockServer.h"

#include "Leasehold/Store/Batch.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace Leasehold::Redis
{

/// The arguments of one step of the script `steps`, encoded.
std::string encodedStep(const BatchStep& step);

/// Adds the call of the script `steps` for these steps.
void addSteps(Commands& commands, std::span<BatchStep* const> steps, const Keys& keys, const Session& session);

/// Sets the outcomes of the steps by the reply of the script. `place` names the store. Returns the longest TTL that the storage knows.
/// Throws LockStoreError if the reply makes no sense as a whole.
Milliseconds settle(std::span<BatchStep* const> steps, const Reply& reply, const std::string& place);

/// Fails the grants and renewals among the steps: too few replicas have confirmed them. Releases stay, because a lost one ends by itself.
void failUnconfirmed(std::span<BatchStep* const> steps, const std::string& why);

/// The names in the reply of the script `candidates` or of ZRANGEBYLEX. Throws LockStoreError.
std::vector<std::string> namesIn(const Reply& reply, const std::string& place);

/// The second item of {"ok", number}, which the scripts `breakLock` and `forget` reply. Throws LockStoreError.
std::int64_t numberIn(const Reply& reply, const std::string& place);

/// The record in item `index` of the reply of the script `records`; nullopt: the lock is not live. Throws LockStoreError.
std::optional<LockRecord> recordIn(const Reply& reply, std::size_t index, const std::string& name, const std::string& place);

} // namespace Leasehold::Redis
