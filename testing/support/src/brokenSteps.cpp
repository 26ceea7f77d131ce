#include "Leasehold/waitUntil.h"
#include "brokenStores.h"

#include <thread>

namespace Leasehold
{
namespace
{

/// Reads and writes in two steps, so it overwrites changes of others in between.
class TwoStepLockStore : public ReferenceLockStore
{
protected:
    using ReferenceLockStore::ReferenceLockStore;

    /// `step` returns whether the slot is to be written back.
    template <typename Step>
    bool inTwoSteps(const std::string& name, Step step)
    {
        auto slot = storage().enter([&](Records& records) { return records[name]; });
        const auto fence = fenceOf(slot);
        if (!step(slot))
            return false;
        letAnotherComeBetween([&] { return storage().enter([&](Records& records) { return fenceOf(records[name]); }) != fence; });
        storage().enter([&](Records& records) { records[name] = slot; });
        return true;
    }

    /// Waits until another caller was granted the lock, so that the fault shows each time. Does not wait in the thread that opened the
    /// store: without another thread no grant comes, and tests with one thread would only be slow.
    void letAnotherComeBetween(const std::function<bool()>& hasCome) const
    {
        if (std::this_thread::get_id() != _opener)
            static_cast<void>(waitUntil(hasCome, Milliseconds{10}));
    }

    static Fence fenceOf(const Slot& slot) { return slot ? slot->fence : 0; }

private:
    const std::thread::id _opener = std::this_thread::get_id();
};

class AcquireIsTwoSteps : public TwoStepLockStore
{
    using TwoStepLockStore::TwoStepLockStore;
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
    {
        begin(context);
        AcquireReply reply;
        reply.record.name = request.name;
        inTwoSteps(request.name,
                   [&](Slot& slot)
                   {
                       const auto verdict = LeaseRules::acquire(slot, request, now());
                       reply.status = verdict.status;
                       if (reply.status != AcquireStatus::spent)
                           reply.record = shown(request.name, *slot, now());
                       return verdict.changed;
                   });
        return reply;
    }
};

class RenewIsTwoSteps : public TwoStepLockStore
{
    using TwoStepLockStore::TwoStepLockStore;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        begin(context);
        std::vector<RenewReply> replies;
        for (const auto& request : requests)
        {
            const bool renewed = inTwoSteps(request.lease.name, [&](Slot& slot) { return renewStep(slot, request, now()); });
            replies.push_back(
                {.status = renewed ? RenewStatus::renewed : RenewStatus::lost, .remaining = renewed ? request.ttl : Milliseconds{}});
        }
        return replies;
    }
};

class ReleaseIsTwoSteps : public TwoStepLockStore
{
    using TwoStepLockStore::TwoStepLockStore;
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override
    {
        begin(context);
        ReleaseReply reply;
        inTwoSteps(lease.name,
                   [&](Slot& slot)
                   {
                       bool changed = false;
                       reply = LeaseRules::release(slot, lease, now(), changed);
                       return changed;
                   });
        return reply;
    }
};

template <BreakMode twoStepMode>
class BreakIsTwoSteps : public TwoStepLockStore
{
    using TwoStepLockStore::TwoStepLockStore;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override
    {
        if (mode != twoStepMode)
            return ReferenceLockStore::breakLock(name, expected, mode, context);
        begin(context);
        return inTwoSteps(name, [&](Slot& slot) { return breakStep(slot, expected, mode, now()); });
    }
};

/// Searches for records that it may forget, and then forgets them by name.
class PruneIsTwoSteps : public TwoStepLockStore
{
    using TwoStepLockStore::TwoStepLockStore;
    std::size_t prune(Milliseconds retention, const CallContext& context) override
    {
        begin(context);
        const auto before = storage().enter([](Records& records) { return records; });
        std::vector<std::string> names;
        for (const auto& [name, slot] : before)
            if (names.size() < maxPruned() && slot && mayForget(*slot, retention, now()))
                names.push_back(name);
        if (names.empty())
            return 0;
        letAnotherComeBetween(
            [&] {
                return storage().enter([&](Records& records) { return fenceOf(records[names.front()]); }) !=
                       fenceOf(before.at(names.front()));
            });
        storage().enter(
            [&](Records& records)
            {
                for (const auto& name : names)
                    records[name].reset();
            });
        return names.size();
    }
};

} // namespace

void addBrokenSteps(std::vector<BrokenStore>& stores)
{
    stores.insert(stores.end(),
                  {brokenStore<AcquireIsTwoSteps>("acquireIsTwoSteps", "a look and a write that are two steps"),
                   brokenStore<RenewIsTwoSteps>("renewIsTwoSteps", "a renewal that reads the record, checks the token and writes it back"),
                   brokenStore<ReleaseIsTwoSteps>("releaseIsTwoSteps", "GET, compare, DEL: Redis clients without a script"),
                   brokenStore<BreakIsTwoSteps<BreakMode::now>>("breakIsTwoSteps", "an operator's tool that looks first and then deletes"),
                   brokenStore<BreakIsTwoSteps<BreakMode::whenItEnds>>("breakForItsEndIsTwoSteps",
                                                                       "a mark that is set by a write of the whole record"),
                   brokenStore<PruneIsTwoSteps>("pruneIsTwoSteps", "a clean-up that selects old rows and then deletes them by key")});
}

} // namespace Leasehold
