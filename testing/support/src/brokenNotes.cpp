#include "brokenStores.h"

#include <cstdint>

namespace Leasehold
{
namespace
{

/// Changes what the holder is told by a release.
class ChangedReleaseReply : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseReply releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) final
    {
        auto reply = ReferenceLockStore::releaseStep(slot, lease, now);
        change(reply, slot);
        return reply;
    }
    virtual void change(ReleaseReply& reply, const Slot& slot) const = 0;
};

class NoteIsNotTold : public ChangedReleaseReply
{
    using ChangedReleaseReply::ChangedReleaseReply;
    void change(ReleaseReply& reply, const Slot&) const override { reply.wanted = false; }
};

class NoteNeverEnds : public ChangedReleaseReply
{
    using ChangedReleaseReply::ChangedReleaseReply;
    void change(ReleaseReply& reply, const Slot& slot) const override
    {
        reply.wanted = reply.status == ReleaseStatus::released && slot->wantedUntil != 0;
    }
};

class BreakIsNotToldToItsHolder : public ChangedReleaseReply
{
    using ChangedReleaseReply::ChangedReleaseReply;
    void change(ReleaseReply& reply, const Slot&) const override { reply.broken = false; }
};

class EveryRefusalIsToldAsABreak : public ChangedReleaseReply
{
    using ChangedReleaseReply::ChangedReleaseReply;
    void change(ReleaseReply& reply, const Slot&) const override { reply.broken = reply.status == ReleaseStatus::notHeld; }
};

/// Changes what an acquire asks for.
class ChangedRequest : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) final
    {
        auto changed = request;
        change(changed, slot);
        return ReferenceLockStore::acquireStep(slot, changed, now);
    }
    virtual void change(AcquireRequest& request, const Slot& slot) const = 0;
};

class EveryRefusedAcquireIsAWaiter : public ChangedRequest
{
    using ChangedRequest::ChangedRequest;
    void change(AcquireRequest& request, const Slot&) const override
    {
        if (request.wantedFor == Milliseconds{0})
            request.wantedFor = Milliseconds{1000};
    }
};

class OnlyTheFirstWaiterIsNoted : public ChangedRequest
{
    using ChangedRequest::ChangedRequest;
    void change(AcquireRequest& request, const Slot& slot) const override
    {
        if (slot && slot->wantedUntil != 0)
            request.wantedFor = Milliseconds{0};
    }
};

/// Changes the note of a waiter when the lock is granted.
class ChangedNoteOfGrant : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) final
    {
        const auto before = slot ? slot->wantedUntil : 0;
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (status == AcquireStatus::granted)
            slot->wantedUntil = noteAfter(before);
        return status;
    }
    virtual std::int64_t noteAfter(std::int64_t before) const = 0;
};

class NoteOutlivesAGrant : public ChangedNoteOfGrant
{
    using ChangedNoteOfGrant::ChangedNoteOfGrant;
    std::int64_t noteAfter(std::int64_t before) const override { return before; }
};

class EveryGrantErasesTheNote : public ChangedNoteOfGrant
{
    using ChangedNoteOfGrant::ChangedNoteOfGrant;
    std::int64_t noteAfter(std::int64_t) const override { return 0; }
};

class NoteIsLostByARenewal : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        const bool renewed = ReferenceLockStore::renewStep(slot, request, now);
        if (renewed)
            slot->wantedUntil = 0;
        return renewed;
    }
};

class BrokenLockIsShownAsHeld : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    LockRecord shown(const std::string& name, const Record& record, const Now& now) const override
    {
        auto told = ReferenceLockStore::shown(name, record, now);
        told.broken = false;
        return told;
    }
};

class SecondBreakFails : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool breakStep(Slot& slot, Fence expected, BreakMode mode, const Now& now) override
    {
        const bool broken = slot && slot->standing == LeaseRules::Standing::broken;
        return !broken && ReferenceLockStore::breakStep(slot, expected, mode, now);
    }
};

} // namespace

void addBrokenNotes(std::vector<BrokenStore>& stores)
{
    stores.insert(
        stores.end(),
        {brokenStore<NoteIsNotTold>("noteIsNotTold", "Leasehold 0.1.0: another process starved"),
         brokenStore<EveryRefusedAcquireIsAWaiter>("everyRefusedAcquireIsAWaiter", "a note without a look at who asks"),
         brokenStore<NoteIsLostByARenewal>("noteIsLostByARenewal", "a renewal that writes the whole record"),
         brokenStore<NoteOutlivesAGrant>("noteOutlivesAGrant", "an UPDATE that names the columns of an older version"),
         brokenStore<EveryGrantErasesTheNote>("everyGrantErasesTheNote", "a holder that comes back at once is never told of the others"),
         brokenStore<NoteNeverEnds>("noteNeverEnds", "a flag where a time is needed: its waiter may have died"),
         brokenStore<OnlyTheFirstWaiterIsNoted>("onlyTheFirstWaiterIsNoted", "a note that is written if there is none yet"),
         brokenStore<BrokenLockIsShownAsHeld>("brokenLockIsShownAsHeld", "Leasehold 0.1.0: broken locks looked held"),
         brokenStore<BreakIsNotToldToItsHolder>("breakIsNotToldToItsHolder", "Leasehold 0.1.0: \"was not renewed in time\""),
         brokenStore<EveryRefusalIsToldAsABreak>("everyRefusalIsToldAsABreak", "one message for every refusal"),
         brokenStore<SecondBreakFails>("secondBreakFails", "a retry after a lost answer that looks like a failure")});
}

} // namespace Leasehold
