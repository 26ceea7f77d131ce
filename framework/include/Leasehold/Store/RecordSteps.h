#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/LeaseRules.h"
#include "Leasehold/Store/LockStore.h"

#include <concepts>
#include <optional>
#include <string>

/// The verbs of a LockStore for a storage that keeps LeaseRules::Record itself. Each function loads the record of one lock, applies the
/// rules, saves the record if it changed, and returns the reply. The author of a store writes load and save, and must run each function as
/// one atomic step: under a mutex, under a file lock or in a transaction. `now` must be read within that step, so that no step judges by an
/// older time than the step before it.
///
/// Such a store reserves fences (StoreInfo::reservesFences) and tells `wanted` (StoreInfo::tellsWanted) without further code; its `info`
/// must say so. It must keep every field of a record.
namespace Leasehold::RecordSteps
{

/// The functions that a storage must have.
///
/// `load(name)` returns the record of that name, or std::nullopt if there is none. It may return a reference to the record in the storage.
/// `save(name, record)` stores a changed record, and may move from it. The functions pass on exceptions of both; then nothing has
/// changed, unless save has changed it.
template <typename Records>
concept RecordAccess = requires(Records& records, const std::string& name, LeaseRules::Record& record)
{
    {
        records.load(name)
        } -> std::convertible_to<std::optional<LeaseRules::Record>>;
    records.save(name, record);
};

/// For people: the times are converted from the clock that judges expiry to the wall clock.
LEASEHOLD_EXPORT LockRecord toLockRecord(const std::string& name, const LeaseRules::Record& record, const LeaseRules::StorageNow& now);

/// One acquire by the rules. If the lock is held, the reply has the holder's record; if the token is spent, only the name.
template <RecordAccess Records>
AcquireReply acquire(Records&& records, const AcquireRequest& request, const LeaseRules::StorageNow& now)
{
    auto&& record = records.load(request.name);
    const auto [status, changed] = LeaseRules::acquire(record, request, now);
    AcquireReply reply{status, {}};
    if (status == AcquireStatus::spent)
        reply.record.name = request.name;
    else
        reply.record = toLockRecord(request.name, *record, now);
    if (changed)
        records.save(request.name, *record);
    return reply;
}

/// One renewal by the rules. `remaining` of a renewed lease is the TTL, because the storage answers in the step that renews.
template <RecordAccess Records>
RenewReply renew(Records&& records, const RenewRequest& request, const LeaseRules::StorageNow& now)
{
    const auto& [lease, ttl] = request;
    auto&& record = records.load(lease.name);
    if (!LeaseRules::renew(record, lease, ttl, now))
        return {.status = RenewStatus::lost, .broken = LeaseRules::wasBroken(record, lease)};
    records.save(lease.name, *record);
    return {.status = RenewStatus::renewed, .remaining = ttl};
}

/// One release by the rules.
template <RecordAccess Records>
ReleaseReply release(Records&& records, const LeaseRef& lease, const LeaseRules::StorageNow& now)
{
    auto&& record = records.load(lease.name);
    bool changed = false;
    const auto reply = LeaseRules::release(record, lease, now, changed);
    if (changed)
        records.save(lease.name, *record);
    return reply;
}

/// One break by the rules. False: nothing changed.
template <RecordAccess Records>
bool breakLock(Records&& records, const std::string& name, Fence expected, BreakMode mode, const LeaseRules::StorageNow& now)
{
    auto&& record = records.load(name);
    const bool broken = LeaseRules::breakLock(record, expected, mode, now);
    if (broken)
        records.save(name, *record);
    return broken;
}

/// The lock if it is live.
template <RecordAccess Records>
std::optional<LockRecord> find(Records&& records, const std::string& name, const LeaseRules::StorageNow& now)
{
    const auto& record = records.load(name);
    if (!record || !LeaseRules::isLive(*record, now))
        return std::nullopt;
    return toLockRecord(name, *record, now);
}

} // namespace Leasehold::RecordSteps
