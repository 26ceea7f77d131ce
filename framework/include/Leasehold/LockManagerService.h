#pragma once

#include "Leasehold/Exceptions.h"
#include "Leasehold/Export.h"
#include "Leasehold/Lock.h"
#include "Leasehold/LockAttempt.h"
#include "Leasehold/LockObserver.h"
#include "Leasehold/LockOptions.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/LockRecord.h"
#include "Leasehold/StoreInfo.h"

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace Poco::Util
{
class AbstractConfiguration;
}

/// All public names of the library. An application begins with LockManagerService, the author of a store with LockStore.
namespace Leasehold
{

class LeaseService; // private to the framework
class LockStore;
class StoreRegistry;

/// What a service is given beside its store and its policy. Set by name.
struct ServiceParts
{
    std::shared_ptr<const TimeSource> clock{};              ///< empty: TimeSource::system()
    std::vector<std::shared_ptr<LockObserver>> observers{}; ///< empty: one LoggerObserver
};

/// The findings of LockManagerService::check.
struct StoreCheck
{
    StoreInfo store{};                    ///< what the store says of itself
    std::chrono::nanoseconds roundTrip{}; ///< the time of one find
    std::string engine{};                 ///< the server that keeps the locks, with its version; empty: unknown
};

/// Takes named locks for short, renewable leases, renews them while they are used, tells their holders of a loss before anybody
/// else can hold them, and gives them back.
///
///     LockManagerService locks(store);
///     auto count = locks.withLock("nightly", [] { return reindex(); });
///
/// The same with a store that a configuration chooses, from samples/reindex_with_lock/main.cpp:
/// @snippet reindex_with_lock/main.cpp the example of README.md
///
/// All members may be called from any thread; a service is movable. Three threads serve any number of locks; they start with the
/// first lock. Constructors never touch the store; the first operation prepares it, and no failure of that is remembered.
/// The destructor makes every lock of the service lost (LossReason::serviceStopped), does not release locks that are still in use,
/// and returns within one call deadline (LeasePolicy::callTimeout).
///
/// Every operation throws InvalidLockRequest for bad arguments before any request, and LockStoreUnavailable or LockStoreError for
/// trouble with the storage. It never reports trouble as "held".
class LEASEHOLD_EXPORT LockManagerService
{
public:
    /// Throws LockConfigurationError if the policy cannot work.
    explicit LockManagerService(std::shared_ptr<LockStore> store, LockPolicy policy = {}, ServiceParts parts = {});

    /// Store and policy as a POCO configuration says (loadConfiguration reads one from a file); `registry` knows the types of stores.
    /// Throws LockConfigurationError, see StoreRegistry::create.
    static LockManagerService fromConfiguration(const Poco::Util::AbstractConfiguration& configuration, const StoreRegistry& registry,
                                                ServiceParts parts = {});

    LockManagerService(LockManagerService&& other) noexcept;            ///< `other` can only be assigned to afterwards
    LockManagerService& operator=(LockManagerService&& other) noexcept; ///< ends this service as the destructor does
    ~LockManagerService();

    /// Runs `work` on this thread while it holds the lock, and returns the result of `work`.
    ///
    /// `work` is called as `work(const Lock&)` if that compiles, else as `work()`. References and move-only results are passed on.
    /// A result that is a future does not compile: the lock would be released before the work ends.
    ///
    /// If another holds the lock, it throws LockAcquisitionError, and `work` does not run. If the lock is lost meanwhile, it throws
    /// LockLostError and drops the result. If only the release fails, it returns normally, because the work finished under a valid
    /// lease: the observers are told, and the lease expires. It passes on exceptions of `work` unchanged, after the release.
    template <typename Work>
    decltype(auto) withLock(const std::string& name, Work&& work, const LockOptions& options = {});

    /// As withLock, but "held by another" is a value: the result of `work` is a std::optional, empty if another holds the lock.
    /// For `void` work it is a bool: whether `work` ran. `work` must not return a reference, because a std::optional cannot hold one:
    /// let it return a pointer or a std::reference_wrapper.
    ///
    ///     if (!locks.tryWithLock("nightly", [] { backUp(); }))
    ///         log("another host does the backup");
    template <typename Work>
    [[nodiscard]] auto tryWithLock(const std::string& name, Work&& work, const LockOptions& options = {});

    /// Takes the lock, or tells its holder, after waiting as the options and the policy say.
    [[nodiscard]] LockAttempt tryAcquire(const std::string& name, const LockOptions& options = {});

    /// Takes the lock, after waiting as the options and the policy say. Throws LockAcquisitionError if another holds it.
    [[nodiscard]] Lock acquire(const std::string& name, const LockOptions& options = {});

    /// The record of a held lock; nullopt: the lock is free.
    std::optional<LockRecord> find(const std::string& name) const;

    /// The records of the held locks, ordered by name byte by byte.
    std::vector<LockRecord> list(const ListQuery& query = {}) const;

    /// Takes the lock from its holder, if the fence of its grant is `expected`, as find and list tell it. False: nothing changed. See
    /// BreakMode for when the lock is free.
    [[nodiscard]] bool breakLock(const std::string& name, Fence expected, BreakMode mode = BreakMode::whenItEnds);

    /// Prepares the store and asks it one question. Throws if the store cannot be used.
    StoreCheck check() const;

    /// The policy of this service.
    const LockPolicy& policy() const;

private:
    template <typename Work>
    static decltype(auto) runUnder(Lock lock, Work&& work);
    /// Ends runUnder: releases, or throws LockLostError.
    static void finish(Lock& lock);

    std::shared_ptr<LeaseService> _service;
};

/// Private to the header.
namespace Detail
{

template <typename T>
inline constexpr bool isFuture = false;
template <typename T>
inline constexpr bool isFuture<std::future<T>> = true;
template <typename T>
inline constexpr bool isFuture<std::shared_future<T>> = true;

template <typename Work>
inline constexpr bool takesLock = std::is_invocable_v<Work, const Lock&>;

template <typename Work>
inline constexpr bool isCallable = takesLock<Work> || std::is_invocable_v<Work>;

template <typename Work>
decltype(auto) call(Work&& work, const Lock& lock)
{
    if constexpr (takesLock<Work>)
        return std::invoke(std::forward<Work>(work), lock);
    else
        return (static_cast<void>(lock), std::invoke(std::forward<Work>(work)));
}

/// What the work returns. Refuses, in words, work that must not run under a lock.
template <typename Work>
struct ResultOf
{
    static_assert(isCallable<Work>, "work under a lock is called as work(const Lock&) or as work(): this one can be called as neither");
};

template <typename Work>
requires isCallable<Work>
struct ResultOf<Work>
{
    using Type = decltype(call(std::declval<Work>(), std::declval<const Lock&>()));
    static_assert(!isFuture<std::remove_cvref_t<Type>>,
                  "work under a lock must not return a future: the lock would be released before the work ends");
};

} // namespace Detail

template <typename Work>
decltype(auto) LockManagerService::runUnder(Lock lock, Work&& work)
{
    using Result = typename Detail::ResultOf<Work>::Type;
    if constexpr (std::is_void_v<Result>)
    {
        Detail::call(std::forward<Work>(work), lock);
        finish(lock);
    }
    else
    {
        Result result = Detail::call(std::forward<Work>(work), lock);
        finish(lock);
        return static_cast<Result>(std::forward<Result>(result));
    }
}

template <typename Work>
decltype(auto) LockManagerService::withLock(const std::string& name, Work&& work, const LockOptions& options)
{
    static_cast<void>(sizeof(Detail::ResultOf<Work>));
    if constexpr (Detail::isCallable<Work>)
        return runUnder(acquire(name, options), std::forward<Work>(work));
}

template <typename Work>
auto LockManagerService::tryWithLock(const std::string& name, Work&& work, const LockOptions& options)
{
    static_cast<void>(sizeof(Detail::ResultOf<Work>));
    if constexpr (Detail::isCallable<Work>)
    {
        using Result = typename Detail::ResultOf<Work>::Type;
        static_assert(!std::is_reference_v<Result>,
                      "a std::optional cannot hold a reference: let the work return a pointer or a std::reference_wrapper");
        auto attempt = tryAcquire(name, options);
        if constexpr (std::is_void_v<Result>)
        {
            if (!attempt)
                return false;
            runUnder(*std::move(attempt), std::forward<Work>(work));
            return true;
        }
        else if constexpr (!std::is_reference_v<Result>)
        {
            std::optional<std::remove_cv_t<Result>> result;
            if (attempt)
                result.emplace(runUnder(*std::move(attempt), std::forward<Work>(work)));
            return result;
        }
    }
}

} // namespace Leasehold
