#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/LockRecord.h"

#include <Poco/Exception.h>

#include <string>

namespace Leasehold
{

/// The base of all exceptions of this library. `what()` and `message()` are the whole message: it names the lock, the store and what
/// to do, and contains no secret.
class LEASEHOLD_EXPORT LockException : public Poco::RuntimeException
{
public:
    /// With the whole message.
    explicit LockException(std::string message);

    /// What kind of trouble it is, for people: "Lock was lost". The same for all objects of a class.
    const char* name() const noexcept override;
    /// The name of the object's class, as the compiler writes it in std::type_info.
    const char* className() const noexcept override;
    /// The whole message.
    const char* what() const noexcept override;
    /// A copy of the same class, which the caller owns.
    Poco::Exception* clone() const override;
    /// Throws a copy of the same class.
    void rethrow() const override;
};

/// Another holds the lock, and the wait for it is over. The work did not run.
class LEASEHOLD_EXPORT LockAcquisitionError : public LockException
{
public:
    /// With the whole message, and the lock's record.
    LockAcquisitionError(std::string message, LockRecord holder);

    /// The record of the lock, as the storage told it.
    const LockRecord& holder() const noexcept { return _holder; }

    const char* name() const noexcept override;      ///< see LockException::name
    const char* className() const noexcept override; ///< see LockException::className
    Poco::Exception* clone() const override;         ///< see LockException::clone
    void rethrow() const override;                   ///< see LockException::rethrow

private:
    LockRecord _holder;
};

/// Why a lock was lost.
enum class LossReason
{
    expired,        ///< it could not be renewed in time
    refused,        ///< the storage says that the lease is no longer ours
    maxHold,        ///< it was held for as long as LockOptions::maxHold allows
    serviceStopped, ///< its LockManagerService was destroyed
    broken,         ///< the lock was broken, see LockManagerService::breakLock
    released        ///< its holder had released it before
};

/// "expired", "refused", "maxHold", "serviceStopped", "broken", "released".
LEASEHOLD_EXPORT const char* toString(LossReason reason) noexcept;

/// The caller no longer holds the lock. Its work may have overlapped with the work of another holder.
class LEASEHOLD_EXPORT LockLostError : public LockException
{
public:
    /// With the whole message, and why the lock was lost.
    LockLostError(std::string message, LossReason reason);

    /// Why the lock was lost.
    LossReason reason() const noexcept { return _reason; }

    const char* name() const noexcept override;      ///< see LockException::name
    const char* className() const noexcept override; ///< see LockException::className
    Poco::Exception* clone() const override;         ///< see LockException::clone
    void rethrow() const override;                   ///< see LockException::rethrow

private:
    LossReason _reason;
};

/// LockOptions::cancel ended the wait for a lock.
class LEASEHOLD_EXPORT LockWaitCancelled : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;      ///< see LockException::name
    const char* className() const noexcept override; ///< see LockException::className
    Poco::Exception* clone() const override;         ///< see LockException::clone
    void rethrow() const override;                   ///< see LockException::rethrow
};

/// A lock name, an option or metadata is out of bounds. It is thrown before any request to the storage.
class LEASEHOLD_EXPORT InvalidLockRequest : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;      ///< see LockException::name
    const char* className() const noexcept override; ///< see LockException::className
    Poco::Exception* clone() const override;         ///< see LockException::clone
    void rethrow() const override;                   ///< see LockException::rethrow
};

/// A configuration or a policy cannot work; the message names the key, the value and what is allowed.
class LEASEHOLD_EXPORT LockConfigurationError : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;      ///< see LockException::name
    const char* className() const noexcept override; ///< see LockException::className
    Poco::Exception* clone() const override;         ///< see LockException::clone
    void rethrow() const override;                   ///< see LockException::rethrow
};

/// A FenceGuard refused the caller: the resource has seen a greater fence, so the caller is a stale holder.
class LEASEHOLD_EXPORT StaleFenceError : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;      ///< see LockException::name
    const char* className() const noexcept override; ///< see LockException::className
    Poco::Exception* clone() const override;         ///< see LockException::clone
    void rethrow() const override;                   ///< see LockException::rethrow
};

/// The storage cannot be used. Another attempt will not help before an operator repairs it.
class LEASEHOLD_EXPORT LockStoreError : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;      ///< see LockException::name
    const char* className() const noexcept override; ///< see LockException::className
    Poco::Exception* clone() const override;         ///< see LockException::clone
    void rethrow() const override;                   ///< see LockException::rethrow
};

/// The storage could not answer now. Another attempt may succeed. Whether the call took effect is unknown.
class LEASEHOLD_EXPORT LockStoreUnavailable : public LockStoreError
{
public:
    using LockStoreError::LockStoreError;

    const char* name() const noexcept override;      ///< see LockException::name
    const char* className() const noexcept override; ///< see LockException::className
    Poco::Exception* clone() const override;         ///< see LockException::clone
    void rethrow() const override;                   ///< see LockException::rethrow
};

} // namespace Leasehold
