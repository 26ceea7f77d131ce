#pragma once

#include "Leasehold/FaultyLockStore.h"
#include "Leasehold/GatedLockStore.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/ManualClock.h"
#include "Leasehold/MemoryLockStore.h"
#include "Leasehold/Store/ReleaseFeed.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

/// Records the events of a service, one line per event: "lost NAME expired".
class RecordingObserver : public LockObserver
{
public:
    void storeOpened(const std::string& type, const std::string& location, const std::string& warning) override
    {
        add("storeOpened " + type + " [" + location + "] " + warning);
    }
    void acquired(const std::string& name, Fence, Elapsed) override { add("acquired " + name); }
    void held(const std::string& name, const LockRecord&) override { add("held " + name); }
    void waited(const std::string& name, const LockRecord&, Elapsed) override { add("waited " + name); }
    void storeUnavailable(const std::string& name, const std::string& why, Elapsed soFar) override
    {
        add("storeUnavailable " + name + " for " + formatDuration(std::chrono::floor<Milliseconds>(soFar)) + ": " + why);
    }
    void renewed(const std::string& name, Fence, Elapsed) override { add("renewed " + name); }
    void renewalFailed(const std::string& name, Fence, const std::string& why, Milliseconds left) override
    {
        add("renewalFailed " + name + " left " + formatDuration(left) + ": " + why);
    }
    void lost(const std::string& name, Fence, LossReason reason) override { add("lost " + name + " " + toString(reason)); }
    void released(const std::string& name, Fence, Elapsed heldFor) override
    {
        add("released " + name + " after " + formatDuration(std::chrono::floor<Milliseconds>(heldFor)));
    }
    void releaseFailed(const std::string& name, Fence, const std::string& why) override { add("releaseFailed " + name + ": " + why); }
    void callbackMisbehaved(const std::string& what) override { add("callbackMisbehaved " + what); }
    void pruneFailed(const std::string& why) override { add("pruneFailed " + why); }
    void feedDeaf(const std::string& why) override { add("feedDeaf " + why); }

    std::vector<std::string> events() const
    {
        const std::lock_guard guard(_mutex);
        return _events;
    }

    /// The number of events that begin with this text.
    std::size_t count(const std::string& beginning) const
    {
        const auto begins = [&](const std::string& event) { return event.starts_with(beginning); };
        const std::lock_guard guard(_mutex);
        return static_cast<std::size_t>(std::ranges::count_if(_events, begins));
    }

private:
    void add(std::string event)
    {
        const std::lock_guard guard(_mutex);
        _events.push_back(std::move(event));
    }

    mutable std::mutex _mutex;
    std::vector<std::string> _events;
};

/// A store without a feed: its waiters poll.
class PolledStore : public FaultyLockStore
{
public:
    using FaultyLockStore::FaultyLockStore;
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink&) override { return nullptr; }
};

/// A memory store behind faults and gates, on a clock that only the test moves, and services on it. They have the default policy (TTL 30 s,
/// renewed after 10 s, valid for 27 s, call timeout 5 s), but one attempt per call: a retry would wait for the test's own thread.
struct ServiceFixture
{
    ServiceFixture()
    {
        policy.retry.maxAttempts = 1;
        policy.retry.backoff = std::make_shared<FixedBackoff>(Milliseconds{200});
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1000});
        policy.retention.pruneEvery = forever;
    }

    LockManagerService service() const { return LockManagerService(store, policy, {.clock = clock, .observers = {observer}}); }

    CallContext context() const { return {*clock, clock->now() + std::chrono::seconds{5}}; }

    /// Acquires the lock as another process, in the same storage. False: it is held.
    bool takeAsAnother(const std::string& name, Milliseconds ttl = std::chrono::seconds{30}) const
    {
        return memory->acquire({name, "another's token", ttl, R"({"host":"elsewhere"})", 0}, context()).status == AcquireStatus::granted;
    }

    ReleaseReply releaseAsAnother(const std::string& name) const
    {
        const auto record = memory->find(name, context());
        return memory->release({name, "another's token", record ? record->fence : 0}, context());
    }

    /// Returns when so many threads wait by the clock and none of them has been woken. From its first lock on, a service has three threads.
    /// Call it before a test blocks one of these, because `advance` does not see a thread that has not waited yet.
    void awaitRest(std::size_t threads) const
    {
        CPPUNIT_ASSERT(waitUntil([&] { return clock->waiting() == threads; }));
        clock->settle();
    }

    bool isHeldInStorage(const std::string& name) const { return memory->find(name, context()).has_value(); }

    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    std::shared_ptr<MemoryLockStore> memory = std::make_shared<MemoryLockStore>(clock);
    std::shared_ptr<FaultyLockStore> faulty = std::make_shared<PolledStore>(memory);
    std::shared_ptr<GatedLockStore> store = std::make_shared<GatedLockStore>(faulty, clock);
    std::shared_ptr<RecordingObserver> observer = std::make_shared<RecordingObserver>();
    LockPolicy policy{};
};

} // namespace Leasehold
