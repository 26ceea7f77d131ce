#pragma once

#include "Leasehold/Exceptions.h"
#include "Leasehold/Lock.h"
#include "Leasehold/LockAttempt.h"
#include "Leasehold/LockObserver.h"
#include "Leasehold/LockOptions.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/LockStore.h"

#include <concepts>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace Poco::Util
{
class AbstractConfiguration;
}

namespace Leasehold
{

class LeaseService; // private to the framework
class StoreRegistry;

/// What a service is given beside its store and its policy. Set by name.
struct ServiceParts
{
    std::shared_ptr<const Clock> clock{};                   ///< empty: Clock::system()
    std::vector<std::shared_ptr<LockObserver>> observers{}; ///< empty: one LoggerObserver
};

/// What check() found.
struct StoreCheck
{
    StoreInfo store{};
    std::chrono::nanoseconds roundTrip{}; ///< of one find
    std::string engine{};                 ///< what keeps the locks, with its version; empty: unknown
};

namespace Detail
{
template <typename T>
inline constexpr bool isFuture = false;
template <typename T>
inline constexpr bool isFuture<std::future<T>> = true;
template <typename T>
inline constexpr bool isFuture<std::shared_future<T>> = true;
} // namespace Detail

/// Takes named locks for short, renewable leases, keeps them while they are used, tells their holders of a loss before
/// anybody else can hold them, and gives them back.
///
///     LockManagerService locks(store);
///     auto count = locks.withLock("nightly", [] { return reindex(); });
///
/// Thread-safe and movable. Three threads serve any number of locks; they start with the first lock. Constructors never touch
/// the store; the first operation prepares it, and no failure of that is remembered. Destroying a service makes every lock
/// that it granted lost (reason serviceStopped), releases nothing whose work still runs, and returns within one call deadline.
///
/// Every operation throws InvalidLockRequest for bad arguments before any request, LockStoreUnavailable or LockStoreError for
/// trouble with the storage, and never reports trouble as "held".
class LockManagerService
{
public:
    /// Throws LockConfigurationError if the policy cannot work.
    explicit LockManagerService(std::shared_ptr<LockStore> store, LockPolicy policy = {}, ServiceParts parts = {});

    /// Store and policy as the configuration says; see StoreRegistry.
    static LockManagerService fromConfiguration(const Poco::Util::AbstractConfiguration& configuration, const StoreRegistry& registry,
                                                ServiceParts parts = {});

    LockManagerService(LockManagerService&&) noexcept;
    LockManagerService& operator=(LockManagerService&&) noexcept;
    ~LockManagerService();

    /// Runs `work` on this thread while holding the lock, and returns what it returns. It is called as `work(const Lock&)` if
    /// it can be, else as `work()`.
    ///
    /// Held by another: LockAcquisitionError, and `work` does not run. Lost meanwhile: LockLostError, and the result is
    /// dropped. If only the release could not be sent, it returns normally (the work finished under a valid lease, which
    /// ends by itself) and the observers are told. What `work` throws is passed on unchanged, after the release.
    template <typename Work>
    decltype(auto) withLock(const std::string& name, Work&& work, const LockOptions& options = {});

    /// Takes the lock, or says who holds it, after waiting as the options and the policy say.
    LockAttempt tryAcquire(const std::string& name, const LockOptions& options = {});

    /// The same; held by another is a LockAcquisitionError.
    Lock acquire(const std::string& name, const LockOptions& options = {});

    std::optional<LockRecord> find(const std::string& name);
    std::vector<LockRecord> list(const ListQuery& query = {});

    /// Takes the lock from its holder, if its fence is `expected`, as find and list tell it. See BreakMode.
    bool breakLock(const std::string& name, Fence expected, BreakMode mode = BreakMode::whenItEnds);

    /// Prepares the store and asks it one question: throws what is wrong with it.
    StoreCheck check();

    const LockPolicy& policy() const;

private:
    /// Ends withLock: releases, or throws LockLostError.
    static void finish(Lock& lock);

    std::shared_ptr<LeaseService> _service;
};

template <typename Work>
decltype(auto) LockManagerService::withLock(const std::string& name, Work&& work, const LockOptions& options)
{
    constexpr bool takesLock = std::is_invocable_v<Work, const Lock&>;
    static_assert(takesLock || std::is_invocable_v<Work>,
                  "withLock calls its callback as f(const Lock&) or as f(): this one can be called as neither");
    if constexpr (takesLock || std::is_invocable_v<Work>)
    {
        const auto run = [&work](const Lock& lock) -> decltype(auto)
        {
            if constexpr (takesLock)
                return std::invoke(std::forward<Work>(work), lock);
            else
                return (static_cast<void>(lock), std::invoke(std::forward<Work>(work)));
        };
        using Result = std::invoke_result_t<decltype(run), const Lock&>;
        static_assert(!Detail::isFuture<std::remove_cvref_t<Result>>,
                      "withLock refuses a callback that returns a future: its lock would be released before the work ends");

        Lock lock = acquire(name, options);
        if constexpr (std::is_void_v<Result>)
        {
            run(lock);
            finish(lock);
        }
        else
        {
            Result result = run(lock);
            finish(lock);
            return static_cast<Result>(std::forward<Result>(result));
        }
    }
}

} // namespace Leasehold
