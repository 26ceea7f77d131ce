#include "CallQueue.h"

#include "Patience.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{
namespace
{
/// The deadline may be by a clock that condition variables do not know, so it is looked at again after this time at the latest.
constexpr Milliseconds longestBlindWait{50};
} // namespace

std::optional<CallQueue::Turn> CallQueue::enter(Call& call, const std::string& path)
{
    using State = Call::State;
    const auto giveUp = [&](const char* where)
    { throw LockStoreUnavailable("sqlite store " + path + ": " + call.patience.whyExhausted() + " " + where + "; nothing was done"); };
    if (call.patience.isExhausted())
        giveUp("before anything was begun");
    std::unique_lock lock(_mutex);
    if (!_led)
    {
        _led = true;
        return Turn(*this, call);
    }
    call.changed.emplace();
    _waiting.push_back(&call);
    for (;;)
    {
        switch (call.state)
        {
        case State::leads:
            return Turn(*this, call);
        case State::done:
            if (call.failure)
                call.failure->rethrow();
            return std::nullopt;
        case State::running: // the other thread works with what lies on our stack; a transaction that has begun ends soon
            call.changed->wait(lock, [&call] { return call.state != State::running; });
            break;
        case State::waiting:
            if (call.patience.isExhausted())
            {
                std::erase(_waiting, &call);
                if (!_led)
                    inviteFirst();
                giveUp("while other calls of this process were still before it");
            }
            if (mayLead(call))
            {
                _waiting.pop_front();
                _led = true;
                return Turn(*this, call);
            }
            call.changed->wait_for(lock, call.patience.context().cancel(), std::min(call.patience.context().timeLeft(), longestBlindWait),
                                   [&] { return call.state != State::waiting || mayLead(call); });
        }
    }
}

CallQueue::Turn::Turn(Turn&& other) noexcept : _queue(std::exchange(other._queue, nullptr)), _calls(std::move(other._calls)) {}

CallQueue::Turn::~Turn()
{
    if (!_queue)
        return;
    const std::lock_guard lock(_queue->_mutex);
    for (auto call = _calls.rbegin(); call != std::prev(_calls.rend()); ++call)
    {
        _queue->_waiting.push_front(*call);
        _queue->change(**call, Call::State::waiting);
    }
    _queue->passOn();
}

void CallQueue::Turn::gather(std::size_t mostRows)
{
    const std::lock_guard lock(_queue->_mutex);
    auto& waiting = _queue->_waiting;
    std::size_t rows = 0;
    for (const auto* call : _calls)
        rows += call->rows;
    while (!waiting.empty() && rows + waiting.front()->rows <= mostRows)
    {
        auto* const next = waiting.front();
        _calls.push_back(next);
        waiting.pop_front();
        rows += next->rows;
        next->state = Call::State::running; // it need not wake for that: there is nothing that it could do
    }
}

void CallQueue::Turn::answer(Call& call, const Poco::Exception* failure)
{
    std::erase(_calls, &call);
    const std::lock_guard lock(_queue->_mutex);
    if (failure)
        call.failure.reset(failure->clone());
    _queue->change(call, Call::State::done);
}

/// Under the mutex, also for the notification: the call and its condition variable may be gone right after.
void CallQueue::change(Call& call, Call::State state)
{
    call.state = state;
    call.changed->notify_one();
}

bool CallQueue::mayLead(const Call& call) const
{
    return !_led && _waiting.front() == &call;
}

void CallQueue::inviteFirst()
{
    if (!_waiting.empty())
        _waiting.front()->changed->notify_one();
}

/// Whoever comes first leads. The first that waits is only woken, for until it runs, a thread that runs already may come with its next
/// call; that one takes it along, and nothing lies idle. Where it did not fit in, it leads the next time.
void CallQueue::passOn()
{
    _led = false;
    if (_waiting.empty() || !std::exchange(_waiting.front()->passedOver, true))
    {
        inviteFirst();
        return;
    }
    auto* const next = _waiting.front();
    _waiting.pop_front();
    _led = true;
    change(*next, Call::State::leads);
}

bool CallQueue::holdForFork()
{
    _mutex.lock();
    return _led;
}

void CallQueue::resumeAfterFork()
{
    _mutex.unlock();
}

} // namespace Leasehold
