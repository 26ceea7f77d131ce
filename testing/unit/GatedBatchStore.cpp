#include "GatedBatchStore.h"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace Leasehold
{

using namespace std::chrono_literals;

void GatedBatchStore::carryOut(Batch& batch)
{
    std::unique_lock lock(_mutex);
    _mostUnderWay = std::max(_mostUnderWay, ++_underWay);
    struct End
    {
        std::size_t& underWay;
        ~End() { --underWay; }
    } const end{_underWay};
    if (_hold)
    {
        ++_held;
        _changed.notify_all();
        if (!await(lock, batch.context(), [&] { return !_hold; }))
            throw LockStoreUnavailable("gated store: the request could not begin");
    }
    const auto steps = batch.steps();
    if (steps.front()->name() == "crash")
        throw std::runtime_error("out of memory");
    const auto index = _requests.size();
    auto& added = _requests.emplace_back();
    added.timeLeft = batch.context().timeLeft();
    for (auto* const step : steps)
    {
        if (_repeat)
            step->markSentAgain();
        added.names.push_back(step->name());
        if (step->wasSentAgain())
            added.again.push_back(step->name());
        if (_early && step->name().starts_with("early"))
            judge(*step);
    }
    _steps += steps.size();
    if (_early)
        batch.deliver();
    _changed.notify_all();
    const bool ended =
        await(lock, batch.context(), [&] { return _answerAll || _requests[index].answered || _requests[index].failure.has_value(); });
    if (!ended || _requests[index].failure)
    {
        const auto failure = _requests[index].failure.value_or(Failure{});
        if (_notSent)
            batch.nothingWasSent();
        if (failure.refused)
            batch.contentWasRefused();
        BatchFailure{"gated store: no answer", !failure.permanent}.raise({});
    }
    if (_requests[index].before)
        _requests[index].before();
    for (auto* const step : steps)
        if (!_early || !step->name().starts_with("early"))
            judge(*step);
}

void GatedBatchStore::judge(BatchStep& step)
{
    if (step.name() == "bad")
        step.fail(LockStoreError("the row is wrong"));
    else if (step.name() == "busy")
        step.fail(LockStoreUnavailable("the row is locked"));
    else if (step.name() == "mistaken")
        step.reply(ReleaseReply{});
    else if (step.name() == "forgotten")
        return;
    else if (const auto* const acquire = step.acquire())
        step.reply(AcquireReply{AcquireStatus::granted, {.name = acquire->name}});
    else if (step.renewal())
        step.reply(RenewReply{.status = RenewStatus::renewed, .reason = step.name()}); // the name identifies the reply
    else
        step.reply(ReleaseReply{.status = step.name() == "not held" ? ReleaseStatus::notHeld : ReleaseStatus::released});
}

// Waits until the condition holds; false: the deadline has passed.
bool GatedBatchStore::await(std::unique_lock<std::mutex>& lock, const CallContext& context, const std::function<bool()>& condition)
{
    while (!_changed.wait_for(lock, context.cancel(), 10ms, condition))
        if (context.cancel().stop_requested() || context.timeLeft() == Milliseconds::zero())
            return false;
    return true;
}

void GatedBatchStore::awaitCondition(const char* what, const std::function<bool()>& condition)
{
    std::unique_lock lock(_mutex);
    const bool came = _changed.wait_for(lock, 20s, condition);
    CPPUNIT_ASSERT_MESSAGE(what, came);
}

void GatedBatchStore::awaitRequests(std::size_t count)
{
    awaitCondition("not all requests came", [&] { return _requests.size() >= count; });
}

void GatedBatchStore::awaitHeld(std::size_t count)
{
    awaitCondition("no request is held before its steps", [&] { return _held >= count; });
}

void GatedBatchStore::answer(std::size_t index)
{
    answerAfter(index, {});
}

void GatedBatchStore::answerAfter(std::size_t index, std::function<void()> work)
{
    const std::lock_guard lock(_mutex);
    _requests.at(index).before = std::move(work);
    _requests.at(index).answered = true;
    _changed.notify_all();
}

void GatedBatchStore::fail(std::size_t index, const Failure& failure)
{
    const std::lock_guard lock(_mutex);
    _requests.at(index).failure = failure;
    _changed.notify_all();
}

void GatedBatchStore::answerAll()
{
    const std::lock_guard lock(_mutex);
    _answerAll = true;
    _hold = false;
    _changed.notify_all();
}

void GatedBatchStore::sendNothing()
{
    const std::lock_guard lock(_mutex);
    _notSent = true;
}

void GatedBatchStore::repeatEach()
{
    const std::lock_guard lock(_mutex);
    _repeat = true;
}

void GatedBatchStore::deliverEarly()
{
    const std::lock_guard lock(_mutex);
    _early = true;
}

void GatedBatchStore::holdBeforeSteps()
{
    const std::lock_guard lock(_mutex);
    _hold = true;
}

void GatedBatchStore::letTakeSteps()
{
    const std::lock_guard lock(_mutex);
    _hold = false;
    _changed.notify_all();
}

GatedBatchStore::Names GatedBatchStore::request(std::size_t index)
{
    const std::lock_guard lock(_mutex);
    return _requests.at(index).names;
}

GatedBatchStore::Names GatedBatchStore::sentAgain(std::size_t index)
{
    const std::lock_guard lock(_mutex);
    return _requests.at(index).again;
}

Milliseconds GatedBatchStore::timeLeftOf(std::size_t index)
{
    const std::lock_guard lock(_mutex);
    return _requests.at(index).timeLeft;
}

std::size_t GatedBatchStore::count()
{
    const std::lock_guard lock(_mutex);
    return _requests.size();
}

std::size_t GatedBatchStore::maxUnderWay()
{
    const std::lock_guard lock(_mutex);
    return _mostUnderWay;
}

std::size_t GatedBatchStore::stepsCarriedOut()
{
    const std::lock_guard lock(_mutex);
    return _steps;
}

} // namespace Leasehold
