#include "Leasehold/Exceptions.h"

#include <typeinfo>
#include <utility>

namespace Leasehold
{

// Every class must define these itself: otherwise clone and rethrow would copy it as its base class.
#define LEASEHOLD_EXCEPTION_IDENTITY(Class, title)                                                                                         \
    const char* Class::name() const noexcept                                                                                               \
    {                                                                                                                                      \
        return title;                                                                                                                      \
    }                                                                                                                                      \
    const char* Class::className() const noexcept                                                                                          \
    {                                                                                                                                      \
        return typeid(*this).name();                                                                                                       \
    }                                                                                                                                      \
    Poco::Exception* Class::clone() const                                                                                                  \
    {                                                                                                                                      \
        return new Class(*this);                                                                                                           \
    }                                                                                                                                      \
    void Class::rethrow() const                                                                                                            \
    {                                                                                                                                      \
        throw *this;                                                                                                                       \
    }

LEASEHOLD_EXCEPTION_IDENTITY(LockException, "Lock exception")
LEASEHOLD_EXCEPTION_IDENTITY(LockAcquisitionError, "Lock is held by another")
LEASEHOLD_EXCEPTION_IDENTITY(LockLostError, "Lock was lost")
LEASEHOLD_EXCEPTION_IDENTITY(LockWaitCancelled, "Wait for a lock was cancelled")
LEASEHOLD_EXCEPTION_IDENTITY(InvalidLockRequest, "Invalid lock request")
LEASEHOLD_EXCEPTION_IDENTITY(LockConfigurationError, "Lock configuration error")
LEASEHOLD_EXCEPTION_IDENTITY(StaleFenceError, "Stale fence")
LEASEHOLD_EXCEPTION_IDENTITY(LockStoreError, "Lock store error")
LEASEHOLD_EXCEPTION_IDENTITY(LockStoreUnavailable, "Lock store unavailable")

#undef LEASEHOLD_EXCEPTION_IDENTITY

// By value as in the derived classes; POCO copies it in any case.
LockException::LockException(std::string message) : Poco::RuntimeException(message) {} // NOLINT(performance-unnecessary-value-param)

const char* LockException::what() const noexcept
{
    return message().c_str(); // POCO's own what() returns only name()
}

LockAcquisitionError::LockAcquisitionError(std::string message, LockRecord holder) :
    LockException(std::move(message)), _holder(std::move(holder))
{
}

LockLostError::LockLostError(std::string message, LossReason reason) : LockException(std::move(message)), _reason(reason) {}

} // namespace Leasehold
