#pragma once

#include "Leasehold/Lock.h"
#include "Leasehold/LockRecord.h"

#include <optional>
#include <utility>

namespace Leasehold
{

/// What came of tryAcquire: the lock, or who holds it.
class [[nodiscard]] LockAttempt
{
public:
    explicit LockAttempt(Lock lock) : _lock(std::move(lock)) {}
    explicit LockAttempt(LockRecord holder) : _holder(std::move(holder)) {}

    explicit operator bool() const noexcept { return _lock.has_value(); }

    /// The lock. Only when the attempt succeeded; else throws LockAcquisitionError.
    Lock& lock();
    Lock* operator->() { return &lock(); }
    Lock& operator*() { return lock(); }

    /// Who holds it. Only when the attempt failed; else an empty record.
    const LockRecord& holder() const noexcept { return _holder; }

private:
    std::optional<Lock> _lock;
    LockRecord _holder;
};

} // namespace Leasehold
