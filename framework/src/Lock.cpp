#include "Leasehold/Lock.h"

#include "LeaseService.h"
#include "Leasehold/LockAttempt.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace Leasehold
{
namespace
{

const Lease& native(const std::shared_ptr<Lease>& lease)
{
    if (!lease)
        throw LockException("this Lock holds nothing: it was default-constructed or moved from");
    lease->requireNative();
    return *lease;
}

} // namespace

void Lease::giveBackWithoutService() noexcept
{
    try
    {
        std::shared_ptr<LockStore> store;
        {
            const std::lock_guard guard(_lossMutex);
            store = std::exchange(_store, nullptr);
        }
        const auto now = _clock->now();
        if (!store || now >= storedUntil() || now < stayUntil())
            return;
        const auto deadline = std::min(now + _policy->effectiveCallTimeout(), storedUntil());
        store->release(_ref, CallContext(*_clock, deadline));
    }
    catch (...) // NOLINT(bugprone-empty-catch): the lease expires, and there are no observers any more
    {
    }
}

Lock::Lock(std::shared_ptr<Lease> lease) noexcept : _lease(std::move(lease)) {}

Lock::Lock() noexcept = default;

Lock::Lock(Lock&&) noexcept = default;

Lock& Lock::operator=(Lock&& other) noexcept
{
    if (this != &other)
    {
        const Lock released(std::move(*this));
        _lease = std::move(other._lease);
    }
    return *this;
}

Lock::~Lock()
{
    if (!_lease)
        return;
    if (_lease->isForeign())
    {
        ForkGuard::keepForever(std::move(_lease));
        return;
    }
    try
    {
        if (_lease->standing() != Lease::Standing::released)
            release();
    }
    catch (const std::exception&) // NOLINT(bugprone-empty-catch): the observers were told, and a destructor must not throw
    {
    }
}

Lock::operator bool() const
{
    return _lease && isHeld();
}

const std::string& Lock::name() const
{
    return native(_lease).name();
}

Fence Lock::fence() const
{
    return native(_lease).fence();
}

Milliseconds Lock::remaining() const
{
    const auto& lease = native(_lease);
    return std::max(std::chrono::floor<Milliseconds>(lease.validUntil() - lease.clock().now()), Milliseconds{0});
}

bool Lock::isHeld() const
{
    return native(_lease).isHeld();
}

void Lock::requireHeld(Milliseconds atLeast) const
{
    const auto& lease = native(_lease);
    const auto now = lease.clock().now();
    const auto until = lease.validUntil();
    if (now >= until)
        throw lostError(lease);
    if (later(now, atLeast) > until)
        throw lostError(lease, "only " + formatDuration(std::chrono::floor<Milliseconds>(until - now)) + " of it are sure, and " +
                                   formatDuration(atLeast) + " were asked for (it is still held)");
}

std::stop_token Lock::lossToken() const
{
    native(_lease);
    return _lease->lossToken();
}

void Lock::release()
{
    native(_lease);
    if (const auto service = _lease->service())
        service->release(*_lease);
    else if (_lease->standing() != Lease::Standing::released)
    {
        _lease->giveBackWithoutService();
        throw lostError(*_lease);
    }
}

const Lock& LockAttempt::lock() const&
{
    if (!_lock)
        throw LockAcquisitionError(
            "lock \"" + _holder.name + "\" was not acquired: it is held by another; test the LockAttempt before using it", _holder);
    return *_lock;
}

Lock& LockAttempt::lock() &
{
    return const_cast<Lock&>(std::as_const(*this).lock()); // NOLINT(cppcoreguidelines-pro-type-const-cast): the attempt is not const
}

Lock&& LockAttempt::lock() &&
{
    return std::move(lock());
}

} // namespace Leasehold
