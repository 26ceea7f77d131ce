#include "Leasehold/Store/BatchQueue.h"

#include "BatchCall.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace Leasehold
{
namespace
{

/// Condition variables do not know the clock of the deadlines, so a waiting thread checks its deadline at least this often.
constexpr Milliseconds longestWait{50};

std::string whyOver(bool cancelled)
{
    return cancelled ? "the call was cancelled" : "the deadline of the call has passed";
}

} // namespace

using Stage = BatchCall::Stage;

BatchQueue::BatchQueue(std::string place, const BatchLimits& limits, CarryOut carryOut) :
    _place(std::move(place)), _limits(limits), _carryOut(std::move(carryOut))
{
}

std::vector<BatchStep> BatchQueue::carryOut(std::vector<BatchStep> steps, const CallContext& context)
{
    const auto call = enter(std::move(steps), context, false);
    for (;;)
    {
        awaitTurn(call);
        switch (call->stage())
        {
        case Stage::leading:
            lead(call);
            break;
        case Stage::single:
            sendSingly(call);
            break;
        case Stage::settled:
            if (call->failure)
                call->failure->raise({});
            return std::move(call->steps);
        case Stage::waiting:
        case Stage::travelling:
            break;
        }
    }
}

void BatchQueue::takeTurn(const CallContext& context, const std::function<void()>& work)
{
    const auto call = enter({}, context, true);
    awaitTurn(call);
    if (call->failure) // its deadline passed at this moment
        call->failure->raise({});

    /// Frees the place, also if the work throws.
    struct Turn
    {
        BatchQueue& queue;
        const std::shared_ptr<Call>& call;

        ~Turn()
        {
            Batch none(queue, call);
            queue.end(none, std::nullopt);
        }
    };
    const Turn turn{*this, call};
    work();
}

std::size_t BatchQueue::waiting()
{
    const std::lock_guard lock(_mutex);
    return static_cast<std::size_t>(
        std::count_if(_waiting.begin(), _waiting.end(), [](const auto& call) { return call->stage() == Stage::waiting; }));
}

bool BatchQueue::holdForFork()
{
    _mutex.lock();
    return _underWay > 0;
}

void BatchQueue::resumeAfterFork()
{
    _mutex.unlock();
}

std::shared_ptr<BatchCall> BatchQueue::enter(std::vector<BatchStep> steps, const CallContext& context, bool isTurn)
{
    const auto left = context.timeLeft();
    const bool cancelled = context.cancel().stop_requested();
    if (cancelled || left <= Milliseconds::zero())
        throw LockStoreUnavailable(_place + ": " + whyOver(cancelled) + " before anything was begun; nothing was sent");
    auto call = std::make_shared<Call>(std::move(steps), context, left, isTurn);
    std::shared_ptr<Call> better;
    {
        const std::lock_guard lock(_mutex);
        _waiting.push_back(call);
        better = leadOrInvite(call, false);
    }
    if (better)
        better->wake();
    return call;
}

// Returns when the call must do something or is settled. Throws if the call leaves.
void BatchQueue::awaitTurn(const std::shared_ptr<Call>& call)
{
    std::optional<Milliseconds> whenItBegan; // the time left when it began to wait
    for (;;)
    {
        const auto stage = call->stage();
        if (stage != Stage::waiting && stage != Stage::travelling)
            return;
        const bool stays = stage == Stage::travelling && _limits.requestsEndSoon;
        const auto left = call->context.timeLeft();
        if (!stays && (left <= Milliseconds::zero() || call->isCancelled()))
        {
            leave(call);
            continue;
        }
        if (!whenItBegan || stage == Stage::travelling)
            whenItBegan = left;
        const auto waited = *whenItBegan - left;
        const bool othersHang = stage == Stage::waiting && waited >= _limits.hangsAfter;
        if (othersHang)
            whenItBegan = left;
        else
            call->awaitChange(stage, stays ? longestWait : std::min({left, longestWait, _limits.hangsAfter - waited}));
        if (call->stage() == Stage::waiting)
            tryToLead(call, othersHang);
    }
}

void BatchQueue::tryToLead(const std::shared_ptr<Call>& call, bool othersHang)
{
    std::shared_ptr<Call> better;
    {
        const std::lock_guard lock(_mutex);
        better = leadOrInvite(call, othersHang);
    }
    if (better)
        better->wake();
}

// Lets the call lead if a place is free. If another call is a better leader, invites and returns it; the caller must wake it. `othersHang`:
// the requests under way may hang past this call's deadline, so it does not wait for a place.
std::shared_ptr<BatchCall> BatchQueue::leadOrInvite(const std::shared_ptr<Call>& call, bool othersHang)
{
    if (call->stage() != Stage::waiting || (_underWay >= _limits.requests && !othersHang))
        return nullptr;
    auto best = othersHang ? call : bestLeader();
    if (best == call || (_limits.requestsEndSoon && !best->isTurn && !call->isTurn))
    {
        ++_underWay;
        call->become(Stage::leading);
        return nullptr;
    }
    best->invite();
    return best;
}

// Returns only if the call was settled or told to send meanwhile. The steps of a travelling call cannot be withdrawn: their outcome is
// unknown.
void BatchQueue::leave(const std::shared_ptr<Call>& call)
{
    Calls toWake;
    bool travels = false;
    {
        const std::lock_guard lock(_mutex);
        if (call->stage() != Stage::waiting && call->stage() != Stage::travelling)
            return;
        travels = call->stage() == Stage::travelling;
        call->become(Stage::settled); // nobody waits for the outcome of its steps
        std::erase(_waiting, call);
        invite(toWake); // this call may have been the next leader
    }
    for (const auto& other : toWake)
        other->wake();
    if (travels)
        throw LockStoreUnavailable(_place + ": " + whyOver(call->isCancelled()) +
                                   " before the answer came; whether it took effect is unknown");
    overWhileWaiting(*call).raise({});
}

BatchFailure BatchQueue::overWhileWaiting(const Call& call) const
{
    return {_place + ": " + whyOver(call.isCancelled()) + " while it waited for other calls of this process; " +
                (call.wasSentAgain() ? "whether an earlier request took effect is unknown" : "nothing was sent"),
            true};
}

void BatchQueue::lead(const std::shared_ptr<Call>& call)
{
    Batch batch(*this, call);
    end(batch, attempt(batch));
}

void BatchQueue::sendSingly(const std::shared_ptr<Call>& call)
{
    Batch batch(*this, call);
    batch._taken = true;
    batch.add({call});
    auto failure = attempt(batch);
    const std::lock_guard lock(_mutex);
    if (call->stage() != Stage::settled) // delivered
        settle(*call, failure);
}

std::optional<BatchFailure> BatchQueue::attempt(Batch& batch)
{
    try
    {
        _carryOut(batch);
        return std::nullopt;
    }
    catch (const LockStoreError& problem)
    {
        return BatchFailure::of(problem);
    }
    catch (const std::exception& problem)
    {
        return BatchFailure{_place + ": the request failed: " + problem.what(), true};
    }
}

void BatchQueue::deliver(Batch& batch)
{
    Calls done;
    {
        const std::lock_guard lock(_mutex);
        const auto isDone = [](const auto& call)
        { return std::all_of(call->steps.begin(), call->steps.end(), [](const auto& step) { return step.hasOutcome(); }); };
        const auto kept = std::stable_partition(batch._calls.begin(), batch._calls.end(), std::not_fn(isDone));
        done.assign(kept, batch._calls.end());
        batch._calls.erase(kept, batch._calls.end());
        for (const auto& call : done)
            call->settle(std::nullopt);
    }
    for (const auto& call : done)
        call->wake();
}

void BatchQueue::settle(Call& call, std::optional<BatchFailure> failure) const
{
    const bool answered = std::all_of(call.steps.begin(), call.steps.end(), [](const auto& step) { return step.hasOutcome(); });
    if (!failure && !answered)
        failure = BatchFailure{_place + ": the store gave no outcome; this is an error in the store's code", false};
    call.settle(std::move(failure));
}

void BatchQueue::end(Batch& batch, const std::optional<BatchFailure>& failure)
{
    Calls toWake;
    {
        const std::lock_guard lock(_mutex);
        --_underWay;
        auto& leader = *batch._leader;
        const bool othersTravel =
            std::any_of(batch._calls.begin(), batch._calls.end(), [&](const auto& call) { return call.get() != &leader; });
        if (leader.stage() == Stage::leading) // its own steps were not in the batch
        {
            if (batch._taken)
                leader.become(Stage::waiting);
            else
            {
                std::erase(_waiting, batch._leader);
                settle(leader, failure);
            }
        }
        const bool givenUp = failure && failure->unavailable && othersTravel && leader.isOver();
        if (givenUp)
            requeue(batch);
        // Over a network: invite the next leader before the many settled calls are woken, so that the storage is not idle meanwhile.
        if (!_limits.requestsEndSoon)
            invite(toWake);
        for (const auto& call : batch._calls)
        {
            if (call->stage() != Stage::travelling)
                continue; // it waits again, or its thread has left
            if (batch._refused && failure && batch._calls.size() > 1)
                call->become(Stage::single);
            else
                settle(*call, failure);
            if (call.get() != &leader)
                toWake.push_back(call);
        }
        // For short transactions: invite it after the settled calls, so that their next calls share its transaction.
        if (_limits.requestsEndSoon)
            invite(toWake);
    }
    for (const auto& call : toWake)
        call->wake();
}

// The leader's deadline cut the request short: the other calls of the batch are sent again, in their order and before later calls.
void BatchQueue::requeue(const Batch& batch)
{
    for (auto call = batch._calls.rbegin(); call != batch._calls.rend(); ++call)
    {
        if (*call == batch._leader || (*call)->stage() != Stage::travelling)
            continue;
        for (auto& step : (*call)->steps)
        {
            step.forgetOutcome();
            if (!batch._notSent)
                step.markSentAgain();
        }
        (*call)->become(Stage::waiting);
        _waiting.push_front(*call);
    }
}

// Wakes one of the waiting calls if it can lead.
void BatchQueue::invite(Calls& toWake)
{
    if (_underWay >= _limits.requests || _waiting.empty())
        return;
    if (auto best = bestLeader())
    {
        best->invite();
        toWake.push_back(std::move(best));
    }
}

// The call that should lead the next batch: the one with the latest deadline, so that its deadline cuts no other call short. nullptr:
// no call waits.
std::shared_ptr<BatchCall> BatchQueue::bestLeader() const
{
    if (_limits.requestsEndSoon || _waiting.size() == 1)
    {
        const auto first = std::find_if(_waiting.begin(), _waiting.end(), [](const auto& call) { return call->stage() == Stage::waiting; });
        return first == _waiting.end() ? nullptr : *first;
    }
    const auto group = selected(nullptr);
    const auto best =
        std::max_element(group.begin(), group.end(), [](const auto& left, const auto& right) { return left->endsAt < right->endsAt; });
    return best == group.end() ? nullptr : *best;
}

// The calls of the next batch in the order in which they came: as many as fit into one request. A call that leads another batch is not
// among them, and a turn is a batch of its own.
BatchQueue::Calls BatchQueue::selected(const Call* leader) const
{
    Calls group;
    std::size_t steps = 0;
    std::size_t bytes = 0;
    std::unordered_set<std::string_view> names;
    for (const auto& call : _waiting)
    {
        if (call->stage() != Stage::waiting && call.get() != leader)
            continue;
        if (call->isTurn)
        {
            if (group.empty() && !leader)
                return {call};
            continue;
        }
        if (!group.empty())
        {
            if (steps + call->steps.size() > _limits.steps || bytes + call->bytes > _limits.bytes)
                break;
            const auto isNamed = [&](const auto& step) { return names.contains(step.name()); };
            if (call->lane() != group.front()->lane() ||
                (_limits.distinctNames && std::any_of(call->steps.begin(), call->steps.end(), isNamed)))
                continue;
        }
        steps += call->steps.size();
        bytes += call->bytes;
        if (_limits.distinctNames)
            for (const auto& step : call->steps)
                names.insert(step.name());
        group.push_back(call);
    }
    return group;
}

void BatchQueue::take(Batch& batch)
{
    Calls toWake;
    {
        const std::lock_guard lock(_mutex);
        batch._taken = true;
        dropOverdue(*batch._leader, toWake);
        batch.add(selected(batch._leader.get()));
        for (const auto& call : batch._calls)
            call->become(Stage::travelling);
        std::erase_if(_waiting, [](const auto& call) { return call->stage() == Stage::travelling; });
        invite(toWake);
    }
    for (const auto& call : toWake)
        call->wake();
}

// Nobody waits for these calls any more, so they are not sent.
void BatchQueue::dropOverdue(const Call& leader, Calls& toWake)
{
    if (_waiting.size() == 1)
        return;
    const auto overdue = std::stable_partition(_waiting.begin(), _waiting.end(),
                                               [&](const auto& call)
                                               { return call.get() == &leader || call->stage() != Stage::waiting || !call->isOver(); });
    for (auto call = overdue; call != _waiting.end(); ++call)
    {
        (*call)->settle(overWhileWaiting(**call));
        toWake.push_back(*call);
    }
    _waiting.erase(overdue, _waiting.end());
}

} // namespace Leasehold
