#pragma once

#include "LeaseHandoff.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/ForkGuard.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/TimeSource.h"

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

/// For LeaseCalendar: the leases of one millisecond, and a lease's place among them.
struct CalendarSlot
{
    std::int64_t at = 0;
    Lease* front = nullptr;
    Lease* back = nullptr;
};
struct CalendarLink
{
    CalendarSlot* slot = nullptr; // nullptr: in no slot
    Lease* previous = nullptr;
    Lease* next = nullptr;
};

/// One grant that this process holds. Its Lock shares it with the three threads that keep it.
///
/// No flag says whether it is held: isHeld() compares the local clock with validUntil, which a loss sets to 0. `_standing` only says
/// who ended the lease. Only LeaseTable changes it, so each lease ends once.
class Lease : public std::enable_shared_from_this<Lease>
{
public:
    enum class Standing : std::uint8_t
    {
        kept,
        released, ///< or about to be: renewal has stopped
        lost
    };

    /// `sharedMetadata`: the stored metadata, if the lease may be handed on; see LeaseHandoff.
    Lease(LeaseRef ref, Fence fence, std::unique_ptr<const std::string> sharedMetadata, std::shared_ptr<const LeasePolicy> policy,
          std::shared_ptr<const TimeSource> clock, std::weak_ptr<LeaseService> service, LocalTime acquiredAt, LocalTime turnBegan,
          LocalTime stayUntil) :
        _ref(std::move(ref)),
        _fence(fence), _sharedMetadata(std::move(sharedMetadata)), _policy(std::move(policy)), _clock(std::move(clock)),
        _service(std::move(service)), _acquiredAt(acquiredAt), _turnBegan(turnBegan), _stayUntil(stayUntil)
    {
    }

    const std::string& name() const noexcept { return _ref.name; }

    /// The fence of this holder. It is at most the fence of ref(), which the storage knows.
    Fence fence() const noexcept { return _fence; }

    /// The name, token and fence that the storage expects.
    const LeaseRef& ref() const noexcept { return _ref; }

    /// The lease for the next holder of this process, if the storage reserved a fence for it and no renewal is due. nullopt: the lease
    /// must be released.
    std::optional<LeaseHandoff> handoff(LocalTime now) const
    {
        if (_fence >= _ref.fence || now >= _policy->nextRenewal(storedUntil() - _policy->ttl))
            return std::nullopt;
        return LeaseHandoff{_ref, _fence + 1, *_sharedMetadata, _policy->ttl, storedUntil(), _turnBegan};
    }

    const LeasePolicy& policy() const noexcept { return *_policy; }
    const TimeSource& clock() const noexcept { return *_clock; }
    std::shared_ptr<LeaseService> service() const noexcept { return _service.lock(); }
    LocalTime acquiredAt() const noexcept { return _acquiredAt; }

    /// When this process got the lock; hand-overs between its threads do not change it. See WaitLines.
    LocalTime turnBegan() const noexcept { return _turnBegan; }

    /// After an earlier release the lock stays taken until then (LockOptions::minHold); min(): it does not.
    LocalTime stayUntil() const noexcept { return _stayUntil; }

    /// When LockOptions::maxHold ends it; max(): never.
    LocalTime holdUntil() const { return later(_acquiredAt, _policy->maxHold.value_or(forever)); }

    LocalTime validUntil() const noexcept { return LocalTime{LocalClock::duration{_validUntil.load(std::memory_order_acquire)}}; }
    bool isHeld() const noexcept { return _clock->now() < validUntil(); }

    /// Until then the storage may refuse the lock to others. A loss does not change it.
    LocalTime storedUntil() const noexcept { return LocalTime{LocalClock::duration{_storedUntil.load(std::memory_order_acquire)}}; }

    /// Why it is no longer held, or why it will be lost if nothing changes. The earlier deadline decides, not the clock, because the
    /// threads may act a little early or late.
    LossReason whyEnded() const
    {
        const auto until = validUntil(); // read before the standing, because LeaseTable::lose changes it last
        if (standing() == Standing::lost)
            return lossReason();
        if (standing() == Standing::released)
            return LossReason::released;
        return until < holdUntil() ? LossReason::expired : LossReason::maxHold;
    }
    Standing standing() const noexcept { return _standing.load(std::memory_order_acquire); }
    LossReason lossReason() const noexcept { return _lossReason.load(std::memory_order_acquire); }

    /// The token that fireLoss stops. The first caller creates it, because most locks are released without one.
    std::stop_token lossToken()
    {
        const std::lock_guard guard(_lossMutex);
        if (!_loss.stop_possible())
        {
            _loss = std::stop_source();
            if (_lossFired)
                _loss.request_stop(); // no callback can be registered yet
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

    /// True for the first caller only: a lost lease is released once.
    bool claimGivingBack() noexcept { return !_givenBack.exchange(true); }

    /// Its service has ended while it is held: the holder must release it in `store` itself.
    void outliveService(std::shared_ptr<LockStore> store)
    {
        const std::lock_guard guard(_lossMutex);
        _store = std::move(store);
    }

    /// The holder no longer needs a lease that has outlived its service. Tries once to release it in the storage.
    void giveBackWithoutService() noexcept;

    void requireNative() const { _fork.requireNative<LockException>("this Lock"); }
    bool isForeign() const noexcept { return _fork.isForeign(); }

private:
    friend class LeaseTable;
    friend class LeaseCalendar;

    const LeaseRef _ref;
    const Fence _fence;
    const std::unique_ptr<const std::string> _sharedMetadata;
    const std::shared_ptr<const LeasePolicy> _policy;
    const std::shared_ptr<const TimeSource> _clock;
    const std::weak_ptr<LeaseService> _service;
    const LocalTime _acquiredAt, _turnBegan, _stayUntil;
    const ForkGuard _fork;
    std::mutex _lossMutex;
    bool _lossFired = false;
    std::stop_source _loss{std::nostopstate};
    std::shared_ptr<LockStore> _store; // under _lossMutex; empty while the service lives
    std::atomic<LocalClock::rep> _validUntil{0};
    std::atomic<LocalClock::rep> _storedUntil{0};
    std::atomic<Standing> _standing{Standing::released}; // until LeaseTable::add
    std::atomic<LossReason> _lossReason{LossReason::expired};
    std::atomic<bool> _givenBack{false};

    // Used by LeaseTable only, under its mutex.
    CalendarLink _renewalLink;
    CalendarLink _endLink;
    TimeSource::Waiter* _releaser = nullptr; // the release that waits for the end of the renewal under way
    int _failedRenewals = 0;                 // since the last successful one
    bool _travelsEarly = true;               // it may be renewed early to share a batch, and has not been yet
    bool _renewing = false;                  // it was released while a renewal was under way
    LocalTime _takenAt{};                    // when takeDue took it
};

} // namespace Leasehold
