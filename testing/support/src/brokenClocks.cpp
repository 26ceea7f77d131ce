#include "brokenStores.h"

#include <cstdint>

namespace Leasehold
{
namespace
{

class ExpiryByTheWallClock : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    Now now() const override
    {
        const auto right = ReferenceLockStore::now();
        return {right.wallMicroseconds / 1000, right.wallMicroseconds};
    }
};

class ExpiryByEachCallersClock : public ReferenceLockStore
{
public:
    explicit ExpiryByEachCallersClock(std::shared_ptr<ReferenceStorage> storage) :
        ReferenceLockStore(storage), _ahead(storage->enter([](Records& records) { return records.empty() ? 0 : 500; }))
    {
        storage->enter([](Records& records) { records["somebody was here"]; });
    }

private:
    Now now() const override
    {
        const auto right = ReferenceLockStore::now();
        return {right.ms + _ahead, right.wallMicroseconds};
    }

    const std::int64_t _ahead;
};

class ExpiryByTheHostsUptime : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    Now now() const override
    {
        const auto right = ReferenceLockStore::now();
        return {right.ms - storage().hostBootedAt(), right.wallMicroseconds};
    }
};

class TimeInWholeSeconds : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    Now now() const override
    {
        const auto right = ReferenceLockStore::now();
        return {right.ms / 1000 * 1000, right.wallMicroseconds};
    }
};

class TtlInWholeSeconds : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        auto cut = request;
        cut.ttl = std::chrono::floor<std::chrono::seconds>(request.ttl);
        return ReferenceLockStore::acquireStep(slot, cut, now);
    }
};

class RenewalTtlInWholeSeconds : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        return ReferenceLockStore::renewStep(slot, {request.lease, std::chrono::floor<std::chrono::seconds>(request.ttl)}, now);
    }
};

class LastMomentIsTheHoldersToo : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        return ReferenceLockStore::acquireStep(slot, request, {now.ms - 1, now.wallMicroseconds});
    }
};

class LongTtlOverflows : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        auto overflown = request;
        overflown.ttl = Milliseconds{static_cast<std::int32_t>(static_cast<std::uint32_t>(request.ttl.count() * 1000)) / 1000};
        return ReferenceLockStore::acquireStep(slot, overflown, now);
    }
};

class LeaseOfAClockAheadIsNotCut : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto before = slot;
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (status == AcquireStatus::held)
            slot = before;
        return status;
    }
};

class RenewalCountsFromTheLastEnd : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        const auto before = slot;
        const bool renewed = ReferenceLockStore::renewStep(slot, request, now);
        if (renewed)
            slot->expiresAt = before->expiresAt + request.ttl.count();
        return renewed;
    }
};

} // namespace

void addBrokenClocks(std::vector<BrokenStore>& stores)
{
    stores.insert(
        stores.end(),
        {brokenStore<ExpiryByTheWallClock>("expiryByTheWallClock", "symfony; redlock-cpp; redis-plus-plus #659"),
         brokenStore<ExpiryByEachCallersClock>("expiryByEachCallersClock", "SQL libraries that send their own time in the statement"),
         brokenStore<ExpiryByTheHostsUptime>("expiryByTheHostsUptime", "a monotonic time that is kept in a file across a restart"),
         brokenStore<TimeInWholeSeconds>("timeInWholeSeconds", "symfony's SQLite store"),
         brokenStore<TtlInWholeSeconds>("ttlInWholeSeconds", "EXPIRE and Consul's sessions, which know seconds only"),
         brokenStore<RenewalTtlInWholeSeconds>("renewalTtlInWholeSeconds", "PX for the grant, EXPIRE for the renewal"),
         brokenStore<LastMomentIsTheHoldersToo>("lastMomentIsTheHoldersToo", "<= where < is meant: two judge one moment differently"),
         brokenStore<LongTtlOverflows>("longTtlOverflows", "redlock-cpp"),
         brokenStore<LeaseOfAClockAheadIsNotCut>("leaseOfAClockAheadIsNotCut",
                                                 "a server whose clock was wrong for a moment blocks a lock for years"),
         brokenStore<RenewalCountsFromTheLastEnd>("renewalCountsFromTheLastEnd",
                                                  "expires = expires + ttl: a crashed holder keeps it for many ttl")});
}

} // namespace Leasehold
