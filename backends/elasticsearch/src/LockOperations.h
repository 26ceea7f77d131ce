#pragma once

#include "EngineAnswer.h"

#include "Leasehold/Store/LockStore.h"

#include <cstddef>
#include <optional>
#include <string>

namespace Leasehold::Elasticsearch
{

/// One scripted update of one lock's document: the body of an `_update`, or two lines of a `_bulk`. This file defines operations and the
/// meaning of their answers; EngineClient sends them, alone or in a batch.
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
/// Shows whether the engine runs our scripts; stores nothing.
LockOperation probeOperation();

/// Appends the operation's two lines of a `_bulk` body.
void appendBulkLines(std::string& body, const LockOperation& operation);
/// The operation's body, taken from these two lines.
std::string operationInBulkLines(const std::string& lines);

/// The path and query of an `_update` of the document. `timeout`: how long the engine may wait for a shard.
std::string updatePath(const std::string& index, const std::string& id, Milliseconds timeout);
std::string bulkPath(const std::string& index, Milliseconds timeout);

/// The meaning of an answer that was carried out (Meaning::done). nullopt: it is not an answer that the script can give.
std::optional<AcquireReply> acquireReply(const AcquireRequest& request, const EngineItem& item);
/// Whether this answers an acquire whose fence would exceed the maximum.
bool isFenceExhausted(const AcquireRequest& request, const EngineItem& item);
std::optional<RenewReply> renewReply(const RenewRequest& request, const EngineItem& item);
std::optional<ReleaseReply> releaseReply(const EngineItem& item);
std::optional<bool> broken(const EngineItem& item);
/// An inner nullopt: there is no live lock.
std::optional<std::optional<LockRecord>> foundRecord(const std::string& name, const EngineItem& item);

/// The record that a document describes; nullopt: this store did not write the document.
std::optional<LockRecord> recordOf(const std::string& name, const EngineDocument& document);

} // namespace Leasehold::Elasticsearch
