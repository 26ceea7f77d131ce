#pragma once

#include "Leasehold/LockRecord.h"

#include <Poco/Exception.h>

#include <string>

namespace Leasehold
{

/// The base of everything that this library throws. `what()` and `message()` are the whole message; it names the lock, the
/// store and what to do, and contains no secret.
class LockException : public Poco::RuntimeException
{
public:
    explicit LockException(std::string message);

    const char* name() const noexcept override;
    const char* className() const noexcept override;
    const char* what() const noexcept override;
    Poco::Exception* clone() const override;
    void rethrow() const override;
};

/// Another holds the lock; the callback did not run.
class LockAcquisitionError : public LockException
{
public:
    LockAcquisitionError(std::string message, LockRecord holder);

    /// Who holds it, as the storage said.
    const LockRecord& holder() const noexcept { return _holder; }

    const char* name() const noexcept override;
    const char* className() const noexcept override;
    Poco::Exception* clone() const override;
    void rethrow() const override;

private:
    LockRecord _holder;
};

/// Why a lease ended before its holder gave it back.
enum class LossReason
{
    expired,       ///< it could not be renewed in time
    refused,       ///< the storage says that it is not ours any more
    maxHold,       ///< it was held for as long as was allowed
    serviceStopped ///< its LockManagerService was destroyed
};

/// "expired", "refused", "maxHold", "serviceStopped".
const char* toString(LossReason reason) noexcept;

/// The caller no longer holds the lock. What was done under it may have met another holder's work.
class LockLostError : public LockException
{
public:
    LockLostError(std::string message, LossReason reason);

    LossReason reason() const noexcept { return _reason; }

    const char* name() const noexcept override;
    const char* className() const noexcept override;
    Poco::Exception* clone() const override;
    void rethrow() const override;

private:
    LossReason _reason;
};

/// LockOptions::cancel ended the wait for a lock.
class LockWaitCancelled : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;
    const char* className() const noexcept override;
    Poco::Exception* clone() const override;
    void rethrow() const override;
};

/// A lock name, an option or metadata is out of bounds. Thrown before any request to the storage.
class InvalidLockRequest : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;
    const char* className() const noexcept override;
    Poco::Exception* clone() const override;
    void rethrow() const override;
};

/// A configuration or a policy cannot work; the message names the key, the value and what is allowed.
class LockConfigurationError : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;
    const char* className() const noexcept override;
    Poco::Exception* clone() const override;
    void rethrow() const override;
};

/// A FenceGuard refused: the resource has seen a greater fence, so the caller is a stale holder.
class StaleFenceError : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;
    const char* className() const noexcept override;
    Poco::Exception* clone() const override;
    void rethrow() const override;
};

/// The storage cannot be used, and trying again will not help before somebody repairs it.
class LockStoreError : public LockException
{
public:
    using LockException::LockException;

    const char* name() const noexcept override;
    const char* className() const noexcept override;
    Poco::Exception* clone() const override;
    void rethrow() const override;
};

/// The storage could not answer now; another try may succeed. Whether the call took effect is unknown.
class LockStoreUnavailable : public LockStoreError
{
public:
    using LockStoreError::LockStoreError;

    const char* name() const noexcept override;
    const char* className() const noexcept override;
    Poco::Exception* clone() const override;
    void rethrow() const override;
};

} // namespace Leasehold
