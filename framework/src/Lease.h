#pragma once

#include "ForkMark.h"
#include "Leasehold/Clock.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/LeasePolicy.h"
#include "Leasehold/LockStore.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <stop_token>
#include <utility>

namespace Leasehold
{

class LeaseService;

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

    Lease(LeaseRef ref, std::shared_ptr<const LeasePolicy> policy, std::shared_ptr<const Clock> clock, std::weak_ptr<LeaseService> service,
          LocalTime acquiredAt) :
        _ref(std::move(ref)),
        _policy(std::move(policy)), _clock(std::move(clock)), _service(std::move(service)), _acquiredAt(acquiredAt)
    {
    }

    const LeaseRef& ref() const noexcept { return _ref; }
    const LeasePolicy& policy() const noexcept { return *_policy; }
    const Clock& clock() const noexcept { return *_clock; }
    std::shared_ptr<LeaseService> service() const noexcept { return _service.lock(); }
    LocalTime acquiredAt() const noexcept { return _acquiredAt; }

    /// The moment when it is given up for having been held too long; max(): none.
    LocalTime holdUntil() const
    {
        return _policy->maxHold && *_policy->maxHold != forever ? _acquiredAt + *_policy->maxHold : LocalTime::max();
    }

    LocalTime validUntil() const noexcept { return LocalTime{Clock::duration{_validUntil.load(std::memory_order_acquire)}}; }
    bool isHeld() const noexcept { return _clock->now() < validUntil(); }
    Standing standing() const noexcept { return _standing.load(std::memory_order_acquire); }
    LossReason lossReason() const noexcept { return _lossReason.load(std::memory_order_acquire); }

    std::stop_source& loss() noexcept { return _loss; }

    /// True for the first caller only: giving back what was lost is tried once.
    bool claimGivingBack() noexcept { return !_givenBack.exchange(true); }
    void requireNative() const { _fork.requireNative("this Lock"); }
    bool isForeign() const noexcept { return _fork.isForeign(); }

private:
    friend class LeaseTable;
    friend class LeaseHeap;

    const LeaseRef _ref;
    const std::shared_ptr<const LeasePolicy> _policy;
    const std::shared_ptr<const Clock> _clock;
    const std::weak_ptr<LeaseService> _service;
    const LocalTime _acquiredAt;
    const ForkMark _fork;
    std::stop_source _loss;
    std::atomic<Clock::rep> _validUntil{0};
    std::atomic<Standing> _standing{Standing::released}; // until LeaseTable::add
    std::atomic<LossReason> _lossReason{LossReason::expired};
    std::atomic<bool> _givenBack{false};

    // Of LeaseTable, under its mutex: the places in its two heaps, and the renewals that failed since the last good one.
    static constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t _renewalPlace = nowhere;
    std::uint32_t _endPlace = nowhere;
    int _failedRenewals = 0;
};

} // namespace Leasehold
