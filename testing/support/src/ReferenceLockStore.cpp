#include "Leasehold/ReferenceLockStore.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/RecordSteps.h"

#include <utility>

namespace Leasehold
{

ReferenceLockStore::ReferenceLockStore(std::shared_ptr<ReferenceStorage> storage) : _storage(std::move(storage)) {}
ReferenceLockStore::~ReferenceLockStore() = default;

StoreInfo ReferenceLockStore::info() const
{
    StoreInfo info;
    info.type = "reference";
    info.location = "in this process, in virtual time";
    info.reservesFences = true;
    info.tellsWanted = true;
    return info;
}

void ReferenceLockStore::prepare(const CallContext& context)
{
    begin(context);
}

AcquireReply ReferenceLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    begin(context);
    return _storage->enter(
        [&](Records& records)
        {
            const auto time = now();
            auto& slot = records[keyOf(request.name)];
            AcquireReply reply;
            reply.status = acquireStep(slot, request, time);
            if (reply.status == AcquireStatus::spent || !slot)
                reply.record.name = request.name;
            else
                reply.record = shown(request.name, *slot, time);
            return reply;
        });
}

std::vector<RenewReply> ReferenceLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    begin(context);
    return _storage->enter(
        [&](Records& records)
        {
            const auto time = now();
            std::vector<RenewReply> replies;
            for (const auto& request : requests)
            {
                auto& slot = records[keyOf(request.lease.name)];
                if (renewStep(slot, request, time))
                    replies.push_back({.status = RenewStatus::renewed, .remaining = request.ttl});
                else
                    replies.push_back({.status = RenewStatus::lost, .broken = LeaseRules::wasBroken(slot, request.lease)});
            }
            return replies;
        });
}

ReleaseReply ReferenceLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    begin(context);
    const auto reply = _storage->enter([&](Records& records) { return releaseStep(records[keyOf(lease.name)], lease, now()); });
    tellReleased(lease.name, reply);
    return reply;
}

std::optional<LockRecord> ReferenceLockStore::find(const std::string& name, const CallContext& context)
{
    begin(context);
    return _storage->enter(
        [&](Records& records) -> std::optional<LockRecord>
        {
            const auto time = now();
            const auto& slot = records[keyOf(name)];
            if (!slot || !isShown(*slot, time))
                return std::nullopt;
            return shown(name, *slot, time);
        });
}

std::vector<LockRecord> ReferenceLockStore::list(const ListQuery& query, const CallContext& context)
{
    begin(context);
    return _storage->enter(
        [&](Records& records)
        {
            const auto time = now();
            std::vector<LockRecord> page;
            for (const auto& [name, slot] : records)
                if (page.size() < query.limit && slot && isShown(*slot, time) && isSelected(name, query))
                    page.push_back(shown(name, *slot, time));
            return page;
        });
}

bool ReferenceLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    begin(context);
    const bool broken = _storage->enter([&](Records& records) { return breakStep(records[keyOf(name)], expected, mode, now()); });
    if (broken)
        tellBroken(name, mode);
    return broken;
}

std::unique_ptr<ReleaseFeed> ReferenceLockStore::releaseFeed(ReleaseSink& sink)
{
    return _storage->feeds().makeFeed(sink);
}

void ReferenceLockStore::tellReleased(const std::string& name, const ReleaseReply& reply)
{
    if (reply.wanted)
        _storage->feeds().tellFree(name);
}

void ReferenceLockStore::tellBroken(const std::string& name, BreakMode mode)
{
    if (mode == BreakMode::now)
        _storage->feeds().tellFree(name);
}

std::size_t ReferenceLockStore::prune(Milliseconds retention, const CallContext& context)
{
    begin(context);
    return _storage->enter(
        [&](Records& records)
        {
            const auto time = now();
            std::size_t pruned = 0;
            for (auto& [name, slot] : records)
                if (pruned < maxPruned() && slot && mayForget(*slot, retention, time))
                {
                    slot.reset();
                    ++pruned;
                }
            return pruned;
        });
}

void ReferenceLockStore::requireWanted(const CallContext& context) const
{
    if (context.timeLeft() <= Milliseconds{0})
        throw LockStoreUnavailable("the deadline of the call has passed");
    if (context.cancel().stop_requested())
        throw LockStoreUnavailable("the call was cancelled");
}

void ReferenceLockStore::requireReachable() const
{
    if (_storage->isCutOff())
        throw LockStoreUnavailable("the reference storage cannot be reached");
}

void ReferenceLockStore::requireKnownSchema() const
{
    if (_storage->schema() > 1)
        throw LockStoreError("the reference storage has schema " + std::to_string(_storage->schema()) + ", this store knows 1");
}

void ReferenceLockStore::begin(const CallContext& context) const
{
    requireWanted(context);
    requireReachable();
    requireKnownSchema();
}

AcquireStatus ReferenceLockStore::acquireStep(Slot& slot, const AcquireRequest& request, const Now& now)
{
    return LeaseRules::acquire(slot, request, now).status;
}

bool ReferenceLockStore::renewStep(Slot& slot, const RenewRequest& request, const Now& now)
{
    return LeaseRules::renew(slot, request.lease, request.ttl, now);
}

ReleaseReply ReferenceLockStore::releaseStep(Slot& slot, const LeaseRef& lease, const Now& now)
{
    bool changed = false;
    return LeaseRules::release(slot, lease, now, changed);
}

bool ReferenceLockStore::breakStep(Slot& slot, Fence expected, BreakMode mode, const Now& now)
{
    return LeaseRules::breakLock(slot, expected, mode, now);
}

bool ReferenceLockStore::mayForget(const Record& record, Milliseconds retention, const Now& now) const
{
    return LeaseRules::isForgettable(record, retention, now);
}

bool ReferenceLockStore::isSelected(const std::string& name, const ListQuery& query) const
{
    return name > query.after && name.starts_with(query.prefix);
}

LockRecord ReferenceLockStore::shown(const std::string& name, const Record& record, const Now& now) const
{
    return RecordSteps::toLockRecord(name, record, now);
}

} // namespace Leasehold
