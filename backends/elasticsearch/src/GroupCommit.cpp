#include "GroupCommit.h"

#include "HttpFailure.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <iterator>
#include <optional>
#include <stop_token>
#include <utility>

namespace Leasehold
{

namespace
{

using Outcome = HttpFailure::Outcome;

std::size_t bytesOf(const GroupCommit::Operations& operations)
{
    std::size_t bytes = 0;
    for (const auto& operation : operations)
        bytes += bulkBytes(operation);
    return bytes;
}

// Each call is given an exception of its own: one object that several threads hold and let go of is shared state.
std::exception_ptr anotherOf(const std::exception_ptr& failure)
{
    try
    {
        std::rethrow_exception(failure);
    }
    catch (const HttpFailure& same)
    {
        return std::make_exception_ptr(HttpFailure(same.outcome(), same.what(), same.isPermanent()));
    }
    catch (...)
    {
        return std::current_exception();
    }
}

} // namespace

/// One call of carryOut. Its thread may leave before the request that carries it has ended, so it is shared.
///
/// Each call is waited for by itself, with a mutex and a condition of its own: hundreds of threads that were woken at once and all wanted
/// the mutex of the group would cost more than their requests. Who changes a stage holds the group's mutex.
class GroupCommit::Call
{
public:
    enum class Stage
    {
        gathered,   // waits to be sent
        leading,    // sends for its group
        travelling, // is being sent by another
        alone,      // shall send for itself only
        settled     // has its reply or its failure
    };

    Call(Operations its, const CallLimit& itsLimit) : operations(std::move(its)), bytes(bytesOf(operations)), limit(itsLimit) {}

    bool isOver() const { return limit.cancel.stop_requested() || limit.timeLeft().count() == 0; }

    Stage stage() const { return _stage.load(std::memory_order_acquire); }

    /// What its thread needs to know besides must be there before. It does not wake the thread.
    void become(Stage next)
    {
        const std::lock_guard lock(_mutex);
        _stage.store(next, std::memory_order_release);
    }

    void settle(std::exception_ptr why)
    {
        failure = std::move(why);
        become(Stage::settled);
    }

    void wake() { _changed.notify_one(); }

    /// Of its thread: until its stage is no longer `known`, it is cancelled, or `until`. False: the stage is the same.
    bool awaitChange(Stage known, CallLimit::Time until)
    {
        if (!_onCancel)
            _onCancel.emplace(limit.cancel, WakeWhenCancelled{*this});
        std::unique_lock lock(_mutex);
        _changed.wait_until(lock, until, [&] { return stage() != known || limit.cancel.stop_requested(); });
        return stage() != known;
    }

    const Operations operations;
    const std::size_t bytes;
    const CallLimit limit;
    Calls group; // while it leads
    GroupReply reply;
    std::exception_ptr failure;

private:
    struct WakeWhenCancelled
    {
        Call& call;

        void operator()() const
        {
            {
                const std::lock_guard lock(call._mutex); // its thread has not looked yet, or waits
            }
            call.wake();
        }
    };

    std::mutex _mutex;
    std::condition_variable _changed;
    std::atomic<Stage> _stage{Stage::gathered};
    std::optional<std::stop_callback<WakeWhenCancelled>> _onCancel;
};

GroupCommit::GroupCommit(Send send, const Bounds& bounds) : _send(std::move(send)), _bounds(bounds) {}

GroupReply GroupCommit::carryOut(Operations operations, const CallLimit& limit)
{
    const auto call = std::make_shared<Call>(std::move(operations), limit);
    {
        const std::lock_guard lock(_mutex);
        _gathered.push_back(call);
        if (_underWay < _bounds.requests)
        {
            // Nobody else has gathered, or the request that ended last would have taken them along.
            Calls itself;
            sendGathered(itself);
        }
    }
    return await(call);
}

std::size_t GroupCommit::gathered()
{
    const std::lock_guard lock(_mutex);
    return _gathered.size();
}

GroupReply GroupCommit::await(const std::shared_ptr<Call>& call)
{
    using Stage = Call::Stage;
    auto patienceEnds = std::chrono::steady_clock::now() + _bounds.patience;
    for (;;)
    {
        const auto stage = call->stage();
        switch (stage)
        {
        case Stage::leading:
            send(call);
            continue;
        case Stage::alone:
        {
            const Operations* const own = &call->operations;
            return _send({&own, 1}, call->limit);
        }
        case Stage::settled:
            if (call->failure)
                std::rethrow_exception(std::exchange(call->failure, nullptr)); // from here on this thread's alone
            return std::move(call->reply);
        case Stage::gathered:
        case Stage::travelling:
            break;
        }
        if (call->isOver())
        {
            leave(call);
            continue;
        }
        const auto until = stage == Stage::gathered ? std::min(call->limit.deadline, patienceEnds) : call->limit.deadline;
        if (!call->awaitChange(stage, until) && stage == Stage::gathered && !call->isOver())
        {
            // What is under way may hang, perhaps for longer than this call has time: no reason not to send.
            Calls toWake;
            {
                const std::lock_guard lock(_mutex);
                sendGathered(toWake);
            }
            for (const auto& other : toWake)
                other->wake();
            patienceEnds += _bounds.patience;
        }
    }
}

// Returns only if the call has been settled, or told to send, after all. One that is being sent cannot be taken back: whether it takes
// effect is not known.
void GroupCommit::leave(const std::shared_ptr<Call>& call)
{
    const std::lock_guard lock(_mutex);
    const auto stage = call->stage();
    if (stage != Call::Stage::gathered && stage != Call::Stage::travelling)
        return;
    const std::string why = call->limit.cancel.stop_requested() ? "the call was cancelled" : "no answer in time";
    if (stage == Call::Stage::travelling)
        throw HttpFailure(Outcome::unknown, why);
    _gathered.erase(std::find(_gathered.begin(), _gathered.end(), call));
    throw HttpFailure(Outcome::notSent, why + " while it waited for others");
}

void GroupCommit::send(const std::shared_ptr<Call>& leader)
{
    const Calls group = std::exchange(leader->group, {});
    GroupReply reply;
    std::exception_ptr failure;
    try
    {
        std::vector<const Operations*> operations;
        operations.reserve(group.size());
        for (const auto& call : group)
            operations.push_back(&call->operations);
        reply = _send(operations, leader->limit);
    }
    catch (...)
    {
        failure = std::current_exception();
    }

    Calls toWake;
    {
        const std::lock_guard lock(_mutex);
        --_underWay;
        const bool givenUp = failure && group.size() > 1 && leader->limit.cancel.stop_requested();
        if (givenUp)
        {
            leader->settle(failure);
            auto place = _gathered.begin();
            for (const auto& call : group)
            {
                if (call == leader)
                    continue;
                call->become(Call::Stage::gathered);
                place = std::next(_gathered.insert(place, call));
            }
            sendGathered(toWake);
        }
        // Before those whose replies have come: they are many, and the engine would be idle meanwhile.
        while (_underWay < _bounds.requests && !_gathered.empty())
            sendGathered(toWake);
        if (!givenUp)
        {
            if (failure)
                std::for_each(group.begin(), group.end(), [&failure](const auto& call) { call->settle(anotherOf(failure)); });
            else
                settle(group, reply);
            std::copy(group.begin(), group.end(), std::back_inserter(toWake));
        }
    }
    for (const auto& call : toWake)
        call->wake();
}

void GroupCommit::settle(const Calls& group, GroupReply& reply)
{
    auto item = reply.items.begin();
    for (const auto& call : group)
    {
        if (reply.contentRefused && group.size() > 1)
        {
            call->become(Call::Stage::alone);
            continue;
        }
        call->reply = {reply.verdict, {}, reply.node, reply.contentRefused};
        const auto count =
            std::min(static_cast<std::ptrdiff_t>(call->operations.size()), static_cast<std::ptrdiff_t>(reply.items.end() - item));
        call->reply.items.assign(std::make_move_iterator(item), std::make_move_iterator(item + count));
        item += count;
        call->become(Call::Stage::settled);
    }
}

// Lets one of those that have gathered send for as many as one request takes, the first that came first. Adds to `toWake` whose stage it
// changes and who does not look at it by itself.
void GroupCommit::sendGathered(Calls& toWake)
{
    Calls group;
    std::size_t items = 0;
    std::size_t bytes = 0;
    while (!_gathered.empty())
    {
        const auto call = _gathered.front();
        const bool fits = items + call->operations.size() <= _bounds.items && bytes + call->bytes <= _bounds.bytes;
        if (!group.empty() && !fits)
            break;
        _gathered.pop_front();
        if (call->isOver())
        {
            // Nobody waits for it any more: what has not been sent need not be.
            call->settle(std::make_exception_ptr(
                HttpFailure(Outcome::notSent, "its time was over, or it was cancelled, while it waited for others")));
            toWake.push_back(call);
            continue;
        }
        items += call->operations.size();
        bytes += call->bytes;
        call->become(Call::Stage::travelling);
        group.push_back(call);
    }
    if (group.empty())
        return;
    const auto leader = *std::max_element(group.begin(), group.end(),
                                          [](const auto& left, const auto& right) { return left->limit.deadline < right->limit.deadline; });
    leader->group = std::move(group);
    leader->become(Call::Stage::leading);
    toWake.push_back(leader);
    ++_underWay;
}

} // namespace Leasehold
