#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/LockStore.h"
#include "ObserverList.h"
#include "WaitLines.h"

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>

namespace Leasehold
{

/// A stop token that two parties can stop: the caller (if it can stop at all) and the service, whose token must outlive it.
class EitherStop
{
public:
    EitherStop(const std::stop_token& service, const std::stop_token& caller);

    const std::stop_token& token() const { return _merged ? _merged->token : _service; }

private:
    struct Forward
    {
        std::stop_source* target;
        void operator()() const noexcept { target->request_stop(); }
    };
    struct Merged
    {
        Merged(const std::stop_token& first, const std::stop_token& second) :
            token(source.get_token()), onFirst(first, Forward{&source}), onSecond(second, Forward{&source})
        {
        }
        std::stop_source source;
        std::stop_token token;
        std::stop_callback<Forward> onFirst, onSecond;
    };
    const std::stop_token& _service;
    std::optional<Merged> _merged; // only if there are two: the common case costs nothing
};

/// How the service calls its store on a caller's thread: prepared first, within a deadline, tried again as RetryPolicy says.
class StoreCalls
{
public:
    /// Setting up a storage may take longer than a call: the first operation may take so much more.
    static constexpr Milliseconds prepareTimeout{5000};

    StoreCalls(std::shared_ptr<LockStore> store, std::shared_ptr<const Clock> clock, const LockPolicy& policy,
               std::shared_ptr<const ObserverList> observers, std::stop_token serviceStop);

    LockStore& store() const noexcept { return *_store; }
    const std::shared_ptr<const Clock>& clock() const noexcept { return _clock; }
    const std::stop_token& serviceStop() const noexcept { return _serviceStop; }

    /// Prepares the store unless that has succeeded before. Nothing of a failure is remembered. Of several threads one prepares;
    /// the others wait for it, as long as a call may take or until `cancel` is stopped.
    void ensurePrepared(const std::stop_token& cancel);

    /// Prepares it whether or not it was.
    void prepare(const std::stop_token& cancel);

    /// Calls `verb(context)` until it does not throw LockStoreUnavailable, at most RetryPolicy::maxAttempts times and by `deadline`.
    /// The last failure is passed on.
    template <typename Verb>
    auto withRetries(LocalTime deadline, const std::stop_token& cancel, Verb verb) const
    {
        for (int attempt = 1;; ++attempt)
        {
            try
            {
                return verb(CallContext(*_clock, deadline, cancel));
            }
            catch (const LockStoreUnavailable&)
            {
                const auto next = _clock->now() + _retry.backoff->delay(attempt, Milliseconds{0});
                if (attempt >= _retry.maxAttempts || next >= deadline || cancel.stop_requested())
                    throw;
                if (!pause(next, cancel))
                    throw;
            }
        }
    }

private:
    void prepareInLine(const std::stop_token& cancel, bool again);
    bool pause(LocalTime until, const std::stop_token& cancel) const;

    const std::shared_ptr<LockStore> _store;
    const std::shared_ptr<const Clock> _clock;
    const LockPolicy& _policy;
    const RetryPolicy& _retry;
    const std::shared_ptr<const ObserverList> _observers;
    const std::stop_token _serviceStop;
    WaitLines _preparing; // one line, without a name
    std::atomic<bool> _prepared{false};
    std::atomic<bool> _announced{false};
};

} // namespace Leasehold
