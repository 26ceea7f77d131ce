#pragma once

#include "EngineAnswer.h"

#include "Leasehold/LockStore.h"

#include <cstddef>
#include <optional>
#include <string>

namespace Leasehold
{

/// One scripted update of one lock's document: what an `_update` request carries as its body and a `_bulk` as two lines. So that
/// operations can travel alone or together, what they say and what their answers mean is here, apart from how they travel.
struct LockOperation
{
    std::string id{};   ///< the document's id: the lock's name
    std::string body{}; ///< JSON on one line
};

LockOperation acquireOperation(const AcquireRequest& request);
LockOperation renewOperation(const RenewRequest& request);
LockOperation releaseOperation(const LeaseRef& lease);
LockOperation breakOperation(const std::string& name, Fence expected, BreakMode mode);
LockOperation findOperation(const std::string& name);
LockOperation pruneOperation(const std::string& name, Milliseconds retention);
/// Whether the engine runs our scripts at all; stores nothing.
LockOperation probeOperation();

/// Appends the operation's two lines of a `_bulk` body.
void appendBulkLines(std::string& body, const LockOperation& operation);
/// About how many bytes these are.
std::size_t bulkBytes(const LockOperation& operation);

/// The path and query of an `_update` that carries the operation. `timeout`: how long the engine may wait for a shard.
std::string updatePath(const std::string& index, const LockOperation& operation, Milliseconds timeout);
std::string bulkPath(const std::string& index, Milliseconds timeout);

/// What the answers mean; `item` was carried out (Meaning::done). nullopt: the answer makes no sense.
std::optional<AcquireReply> acquireReply(const AcquireRequest& request, const EngineItem& item);
/// The answer to an acquire that would have needed a fence beyond the greatest one.
bool isFenceExhausted(const AcquireRequest& request, const EngineItem& item);
std::optional<bool> renewed(const EngineItem& item);
std::optional<ReleaseStatus> releaseStatus(const EngineItem& item);
std::optional<bool> broken(const EngineItem& item);
/// The inner nullopt: there is no live lock.
std::optional<std::optional<LockRecord>> foundRecord(const std::string& name, const EngineItem& item);

/// The record that a document describes; nullopt if it is not one of ours.
std::optional<LockRecord> recordOf(const std::string& name, const EngineDocument& document);

} // namespace Leasehold
