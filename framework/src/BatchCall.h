#pragma once

#include "Leasehold/Store/Batch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace Leasehold
{

/// One call in a BatchQueue. It is shared, because its thread may leave before the call's request has ended.
///
/// Each call has its own mutex and condition variable: hundreds of threads that wake at once and lock the queue's mutex would cost more
/// than their requests. The stage changes only under the queue's mutex.
class BatchCall
{
public:
    enum class Stage
    {
        waiting,
        leading,    // its thread sends a batch, or has its turn; its own steps may still wait
        travelling, // its steps are in a batch
        single,     // its thread must send its steps in a request of their own
        settled     // it has its outcome
    };
    using Time = std::chrono::steady_clock::time_point;

    /// `left`: the time left of the context, now.
    BatchCall(std::vector<BatchStep> its, const CallContext& itsContext, Milliseconds left, bool takesTurn) :
        steps(std::move(its)), context(itsContext), isTurn(takesTurn),
        endsAt(std::chrono::steady_clock::now() + std::min(left, Milliseconds(std::chrono::hours(24))))
    {
        for (const auto& step : steps)
            bytes += step.encoded().size();
    }

    bool isCancelled() const { return context.cancel().stop_requested(); }
    bool isOver() const { return isCancelled() || context.timeLeft() <= Milliseconds::zero(); }

    int lane() const { return steps.empty() ? 0 : steps.front().lane(); }

    bool wasSentAgain() const
    {
        return std::any_of(steps.begin(), steps.end(), [](const auto& step) { return step.wasSentAgain(); });
    }

    Stage stage() const { return _stage.load(std::memory_order_acquire); }

    /// Does not wake its thread.
    void become(Stage next)
    {
        const std::lock_guard lock(_mutex);
        _stage.store(next, std::memory_order_release);
    }

    void settle(std::optional<BatchFailure> why)
    {
        failure = std::move(why);
        become(Stage::settled);
    }

    /// Asks its thread to check whether it can lead. The caller must call wake() afterwards.
    void invite()
    {
        const std::lock_guard lock(_mutex);
        _invited = true;
    }

    void wake() { _changed.notify_one(); }

    /// Called by its thread. Returns when the stage is no longer `known`, when the call is invited or cancelled, or after `longest`.
    void awaitChange(Stage known, Milliseconds longest)
    {
        if (!_onCancel)
            _onCancel.emplace(context.cancel(), WakeWhenCancelled{*this});
        // A thread that stays although its call was cancelled must not wake again and again for the same cancellation.
        const bool wasCancelled = isCancelled();
        std::unique_lock lock(_mutex);
        _changed.wait_until(lock, std::chrono::steady_clock::now() + longest,
                            [&] { return stage() != known || _invited || (!wasCancelled && isCancelled()); });
        _invited = false;
    }

    std::vector<BatchStep> steps;
    std::size_t bytes = 0;
    const CallContext context;
    const bool isTurn;                     // BatchQueue::takeTurn
    const Time endsAt;                     // only to compare deadlines; at most a day from now
    std::optional<BatchFailure> failure{}; // of the whole call

private:
    struct WakeWhenCancelled
    {
        BatchCall& call;

        void operator()() const
        {
            {
                const std::lock_guard lock(call._mutex); // now its thread either waits or has not yet checked the condition
            }
            call.wake();
        }
    };

    std::mutex _mutex;
    std::condition_variable _changed;
    std::atomic<Stage> _stage{Stage::waiting};
    bool _invited = false;
    std::optional<std::stop_callback<WakeWhenCancelled>> _onCancel;
};

} // namespace Leasehold
