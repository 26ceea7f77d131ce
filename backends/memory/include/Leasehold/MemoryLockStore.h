#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/LockStore.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

class StoreRegistry;

/// Locks in the memory of this process: for tests, and for programs whose threads exclude each other. Nothing survives the object.
/// Services that exclude each other share one object.
///
/// Expiry is judged by `clock`, in whole milliseconds. `wall` is the base of new fences and decides nothing else.
/// Thread-safe.
class LEASEHOLD_EXPORT MemoryLockStore : public LockStore
{
public:
    /// Microseconds since 1970. Called from any thread.
    using WallClock = std::function<std::int64_t()>;

    /// Empty: the system's.
    explicit MemoryLockStore(std::shared_ptr<const TimeSource> clock = {}, WallClock wall = {});
    ~MemoryLockStore() override;
    MemoryLockStore(const MemoryLockStore&) = delete;
    MemoryLockStore& operator=(const MemoryLockStore&) = delete;

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override;
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override;

private:
    struct State;
    std::unique_ptr<State> _state;
};

/// Type "memory", without keys.
LEASEHOLD_EXPORT void registerMemoryStore(StoreRegistry& registry);

} // namespace Leasehold
