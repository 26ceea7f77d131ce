#pragma once

#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/TimeSource.h"
#include "ObserverList.h"
#include "WaitLines.h"

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace Leasehold
{

/// A stop token that the caller (if its token can be stopped) and the service can stop. The service's token must outlive it.
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
    std::optional<Merged> _merged; // only if the caller's token can be stopped, which is rare
};

/// `backoff.delay`, and at least 0. Throws LockException if that throws, as a back-off of the application may do. `policy`: "wait" or
/// "retry", for the message.
Milliseconds delayOf(const Backoff& backoff, const char* policy, int attempt, Milliseconds holderRemaining);

/// Calls the store on the caller's thread: prepares it first, sets the deadline, and retries as RetryPolicy says.
class StoreCalls
{
public:
    /// How much longer the first operation may take, because it sets up the storage.
    static constexpr Milliseconds prepareTimeout{5000};

    StoreCalls(std::shared_ptr<LockStore> store, std::shared_ptr<const TimeSource> clock, const LockPolicy& policy,
               std::shared_ptr<const ObserverList> observers, std::stop_token serviceStop);

    LockStore& store() const noexcept { return *_store; }
    const std::shared_ptr<LockStore>& sharedStore() const noexcept { return _store; }
    const std::shared_ptr<const TimeSource>& clock() const noexcept { return _clock; }
    const std::stop_token& serviceStop() const noexcept { return _serviceStop; }

    /// The abilities of the store, known once it is prepared; see StoreInfo.
    bool reservesFences() const noexcept { return _reservesFences; }
    bool tellsWanted() const noexcept { return _tellsWanted; }

    /// Prepares the store unless that has succeeded before; a failure is not remembered. One thread prepares. The others wait for it, at
    /// most for a call timeout or until `cancel` is stopped.
    void ensurePrepared(const std::stop_token& cancel);

    /// The same for a verb that only reads: it creates nothing in the storage.
    void ensureReadable(const std::stop_token& cancel);

    /// Prepares the store again even if it was prepared.
    void prepare(const std::stop_token& cancel);

    /// Calls `verb(context)` and retries on LockStoreUnavailable, as often as RetryPolicy says and until `deadline`. Throws the last
    /// failure with the number of attempts.
    template <typename Verb>
    auto withRetries(LocalTime deadline, const std::stop_token& cancel, Verb verb) const
    {
        for (Attempts failed;;)
        {
            try
            {
                return verb(CallContext(*_clock, deadline, cancel));
            }
            catch (const LockStoreUnavailable& failure)
            {
                awaitNextAttempt(failure, failed, deadline, cancel);
            }
        }
    }

    /// Waits until `until` or until `cancel` is stopped. False: the system has no resources left for a wait.
    bool pause(LocalTime until, const std::stop_token& cancel) const;

private:
    struct Attempts
    {
        int count = 0;
        LocalTime since{};    // when the first one failed
        std::string latest{}; // the message of the latest one
    };

    enum class Preparation
    {
        toRead,
        once,
        again
    };
    void prepareInLine(const std::stop_token& cancel, Preparation how);
    void awaitNextAttempt(const LockStoreUnavailable& failure, Attempts& failed, LocalTime deadline, const std::stop_token& cancel) const;

    const std::shared_ptr<LockStore> _store;
    const std::shared_ptr<const TimeSource> _clock;
    const LockPolicy& _policy;
    const std::shared_ptr<const ObserverList> _observers;
    const std::stop_token _serviceStop;
    WaitLines _preparing;               // one line, whose name is empty
    std::atomic<bool> _readable{false}; // also true when _prepared is
    std::atomic<bool> _prepared{false};
    std::atomic<bool> _announced{false};
    std::atomic<bool> _reservesFences{false}, _tellsWanted{false};
};

} // namespace Leasehold
