#pragma once

#include "Baton.h"
#include "ForkMark.h"
#include "Leasehold/Clock.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/LeasePolicy.h"
#include "Leasehold/LockStore.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace Leasehold
{

class Lease;
class LeaseService;

/// Of LeaseCalendar: the leases of one millisecond, and a lease's place among them.
struct CalendarSlot
{
    std::int64_t at = 0;
    Lease* front = nullptr;
    Lease* back = nullptr;
};
struct CalendarLink
{
    CalendarSlot* slot = nullptr; // none: in no slot
    Lease* previous = nullptr;
    Lease* next = nullptr;
};

/// One grant that this process keeps: shared by its Lock and, while it lasts, by the threads that keep it.
///
/// Whether it is held is never a flag: it is the comparison of the local clock with validUntil, which a loss sets to "never".
/// Its standing only says who has ended it; LeaseTable alone changes it, so each lease ends once.
class Lease : public std::enable_shared_from_this<Lease>
{
public:
    enum class Standing : std::uint8_t
    {
        kept,
        released, ///< or about to be: renewal has stopped
        lost
    };

    /// `sharedMetadata`: as stored, if the lease may be handed on; see Baton.
    Lease(LeaseRef ref, Fence fence, std::unique_ptr<const std::string> sharedMetadata, std::shared_ptr<const LeasePolicy> policy,
          std::shared_ptr<const Clock> clock, std::weak_ptr<LeaseService> service, LocalTime acquiredAt, LocalTime turnBegan) :
        _ref(std::move(ref)),
        _fence(fence), _sharedMetadata(std::move(sharedMetadata)), _policy(std::move(policy)), _clock(std::move(clock)),
        _service(std::move(service)), _acquiredAt(acquiredAt), _turnBegan(turnBegan)
    {
    }

    const std::string& name() const noexcept { return _ref.name; }

    /// Of this holder: at most that of ref(), which the storage knows.
    Fence fence() const noexcept { return _fence; }

    /// What the storage must be shown.
    const LeaseRef& ref() const noexcept { return _ref; }

    /// What the next thread of this process gets if this holder, who is done at `now`, need not give it back; nullopt: it must.
    std::optional<Baton> baton(LocalTime now) const
    {
        if (_fence >= _ref.fence || now >= _policy->nextRenewal(storedUntil() - _policy->ttl))
            return std::nullopt;
        return Baton{_ref, _fence + 1, *_sharedMetadata, _policy->ttl, storedUntil(), _turnBegan};
    }

    const LeasePolicy& policy() const noexcept { return *_policy; }
    const Clock& clock() const noexcept { return *_clock; }
    std::shared_ptr<LeaseService> service() const noexcept { return _service.lock(); }
    LocalTime acquiredAt() const noexcept { return _acquiredAt; }

    /// Since when this process has had the lock, hand-overs among its threads included; see WaitLines.
    LocalTime turnBegan() const noexcept { return _turnBegan; }

    /// The moment when it is given up for having been held too long; max(): none.
    LocalTime holdUntil() const
    {
        return _policy->maxHold && *_policy->maxHold != forever ? _acquiredAt + *_policy->maxHold : LocalTime::max();
    }

    LocalTime validUntil() const noexcept { return LocalTime{Clock::duration{_validUntil.load(std::memory_order_acquire)}}; }
    bool isHeld() const noexcept { return _clock->now() < validUntil(); }

    /// The storage may keep it from others until then. Stays when the lease is lost.
    LocalTime storedUntil() const noexcept { return LocalTime{Clock::duration{_storedUntil.load(std::memory_order_acquire)}}; }

    /// Why it is not held any more, or would be lost if it were given up at `now`.
    LossReason lossReasonAt(LocalTime now) const
    {
        if (standing() == Standing::lost)
            return lossReason();
        return now >= holdUntil() ? LossReason::maxHold : LossReason::expired;
    }
    Standing standing() const noexcept { return _standing.load(std::memory_order_acquire); }
    LossReason lossReason() const noexcept { return _lossReason.load(std::memory_order_acquire); }

    /// Is asked to stop by fireLoss. Made by the first who asks for it: most locks are released without one.
    std::stop_token lossToken()
    {
        const std::lock_guard guard(_lossMutex);
        if (!_loss.stop_possible())
        {
            _loss = std::stop_source();
            if (_lossFired)
                _loss.request_stop(); // nobody can have a callback on it yet
        }
        return _loss.get_token();
    }

    /// Runs the stop callbacks, on this thread.
    void fireLoss()
    {
        std::stop_source loss(std::nostopstate);
        {
            const std::lock_guard guard(_lossMutex);
            _lossFired = true;
            loss = _loss;
        }
        loss.request_stop();
    }

    /// True for the first caller only: giving back what was lost is tried once.
    bool claimGivingBack() noexcept { return !_givenBack.exchange(true); }
    void requireNative() const { _fork.requireNative("this Lock"); }
    bool isForeign() const noexcept { return _fork.isForeign(); }

private:
    friend class LeaseTable;
    friend class LeaseCalendar;

    const LeaseRef _ref;
    const Fence _fence;
    const std::unique_ptr<const std::string> _sharedMetadata;
    const std::shared_ptr<const LeasePolicy> _policy;
    const std::shared_ptr<const Clock> _clock;
    const std::weak_ptr<LeaseService> _service;
    const LocalTime _acquiredAt, _turnBegan;
    const ForkMark _fork;
    std::mutex _lossMutex;
    bool _lossFired = false;
    std::stop_source _loss{std::nostopstate};
    std::atomic<Clock::rep> _validUntil{0};
    std::atomic<Clock::rep> _storedUntil{0};
    std::atomic<Standing> _standing{Standing::released}; // until LeaseTable::add
    std::atomic<LossReason> _lossReason{LossReason::expired};
    std::atomic<bool> _givenBack{false};

    // Of LeaseTable, under its mutex.
    CalendarLink _renewalLink;
    CalendarLink _endLink;
    int _failedRenewals = 0;   // since the last good one
    bool _travelsEarly = true; // it has not yet been renewed early to travel with others
};

} // namespace Leasehold
