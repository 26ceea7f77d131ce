#include "Leasehold/ManualClock.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

namespace Leasehold
{
namespace
{
/// How long real time may take until every thread waits again.
constexpr std::chrono::seconds patience{30};
} // namespace

/// Shared with the waiters, so that one that is destroyed late finds it.
struct ManualClock::State
{
    std::mutex mutex;
    std::condition_variable changed; // a waiter began or ended a wait, or time passed
    std::set<ManualWaiter*> waiters;
    // An hour after the start, so that tests may look back without meeting zero; and a part of a millisecond, since times that are
    // all whole would hide a wrong rounding.
    std::atomic<LocalClock::rep> now{3'600'000'412'345};

    time_point time() const { return time_point{duration{now.load()}}; }
};

class ManualClock::ManualWaiter : public TimeSource::Waiter
{
public:
    explicit ManualWaiter(std::shared_ptr<State> state) : _state(std::move(state))
    {
        const std::lock_guard guard(_state->mutex);
        _state->waiters.insert(this);
    }

    ~ManualWaiter() override
    {
        const std::lock_guard guard(_state->mutex);
        _state->waiters.erase(this);
        _state->changed.notify_all();
    }

    bool waitUntil(time_point deadline) override
    {
        std::unique_lock guard(_state->mutex);
        _deadline = deadline;
        _waits = true;
        _user = std::this_thread::get_id();
        _state->changed.notify_all();
        _state->changed.wait(guard, [this] { return !isAtRest(); });
        _waits = false;
        return std::exchange(_woken, false);
    }

    void wake() noexcept override
    {
        const std::lock_guard guard(_state->mutex);
        _woken = true;
        _state->changed.notify_all();
    }

    // The rest is called with the state's mutex held.

    /// Whether its thread waits here and no event so far ends this wait.
    bool isAtRest() const { return _waits && !_woken && (_deadline == time_point::max() || _deadline > _state->time()); }

    /// Whether its thread does not need to run: it waits here or in another Waiter (for example of a store that it called), or this one was
    /// neither used nor woken yet.
    bool needsNoTime() const
    {
        if (_waits || _user == std::thread::id{})
            return isAtRest() || (!_waits && !_woken);
        const auto waitsElsewhere = [this](const ManualWaiter* other) { return other->_user == _user && other->isAtRest(); };
        return std::ranges::any_of(_state->waiters, waitsElsewhere);
    }

    bool waits() const { return _waits; }
    time_point deadline() const { return _waits ? _deadline : time_point::max(); }

private:
    std::shared_ptr<State> _state;
    std::thread::id _user; // none: no thread has waited here yet
    time_point _deadline{};
    bool _waits = false;
    bool _woken = false;
};

ManualClock::ManualClock() : _state(std::make_shared<State>()) {}
ManualClock::~ManualClock() = default;

ManualClock::time_point ManualClock::now() const noexcept
{
    return _state->time();
}

std::unique_ptr<TimeSource::Waiter> ManualClock::makeWaiter() const
{
    return std::make_unique<ManualWaiter>(_state);
}

void ManualClock::advance(duration span)
{
    std::unique_lock guard(_state->mutex);
    const auto target = _state->time() + span;
    for (;;)
    {
        if (!_state->changed.wait_for(guard, patience, [this] { return std::ranges::all_of(_state->waiters, &ManualWaiter::needsNoTime); }))
            throw std::runtime_error("ManualClock::advance: a thread that was woken neither waits again nor ends");
        auto next = target;
        for (const auto* waiter : _state->waiters)
            next = std::min(next, waiter->deadline());
        if (_state->time() >= target)
            return;
        _state->now = next.time_since_epoch().count();
        _state->changed.notify_all();
    }
}

void ManualClock::settle()
{
    advance(duration::zero());
}

std::size_t ManualClock::waiting() const
{
    const std::lock_guard guard(_state->mutex);
    std::size_t count = 0;
    for (const auto* waiter : _state->waiters)
        count += waiter->waits() ? 1 : 0;
    return count;
}

} // namespace Leasehold
