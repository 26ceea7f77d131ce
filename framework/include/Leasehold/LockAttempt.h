#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Lock.h"
#include "Leasehold/LockRecord.h"

#include <optional>
#include <utility>

namespace Leasehold
{

/// The result of LockManagerService::tryAcquire: the lock, or its holder.
///
///     if (LockAttempt attempt = locks.tryAcquire("nightly"))
///         attempt->fence();
///     Lock lock = *locks.tryAcquire("nightly");        // throws if another holds it
class [[nodiscard]] LEASEHOLD_EXPORT LockAttempt
{
public:
    /// An attempt that succeeded.
    explicit LockAttempt(Lock lock) : _lock(std::move(lock)) {}
    /// An attempt that failed.
    explicit LockAttempt(LockRecord holder) : _holder(std::move(holder)) {}

    /// Whether the attempt succeeded. It says nothing of the time since: see Lock::isHeld.
    [[nodiscard]] explicit operator bool() const noexcept { return _lock.has_value(); }

    /// The lock, if the attempt succeeded; else throws LockAcquisitionError. An rvalue gives the lock away.
    [[nodiscard]] const Lock& lock() const&;
    [[nodiscard]] Lock& lock() &;                                           ///< as above
    [[nodiscard]] Lock&& lock() &&;                                         ///< as above
    [[nodiscard]] const Lock& operator*() const& { return lock(); }         ///< as lock()
    [[nodiscard]] Lock& operator*() & { return lock(); }                    ///< as lock()
    [[nodiscard]] Lock&& operator*() && { return std::move(*this).lock(); } ///< as lock()
    [[nodiscard]] const Lock* operator->() const { return &lock(); }        ///< as lock()
    [[nodiscard]] Lock* operator->() { return &lock(); }                    ///< as lock()

    /// The lock's holder, if the attempt failed; else an empty record.
    [[nodiscard]] const LockRecord& holder() const& noexcept { return _holder; }
    [[nodiscard]] LockRecord holder() && noexcept { return std::move(_holder); } ///< as above

private:
    std::optional<Lock> _lock;
    LockRecord _holder;
};

} // namespace Leasehold
