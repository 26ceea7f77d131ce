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
        throw LockException("this Lock was moved from and holds nothing");
    lease->requireNative();
    return *lease;
}

} // namespace

Lock::Lock(std::shared_ptr<Lease> lease) noexcept : _lease(std::move(lease)) {}

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
        ForkMark::keepForever(std::move(_lease));
        return;
    }
    try
    {
        if (_lease->standing() != Lease::Standing::released)
            release();
    }
    catch (const std::exception&) // NOLINT(bugprone-empty-catch): the observers were told, and a destructor has nobody else to tell
    {
    }
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
    const auto left = lease.validUntil() - lease.clock().now();
    if (left <= Clock::duration{0})
        throw lostError(lease, lease.standing() == Lease::Standing::released ? "it was released before" : "");
    if (left < atLeast)
        throw lostError(lease, "only " + formatDuration(std::chrono::floor<Milliseconds>(left)) + " of it are sure, and " +
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
        throw lostError(*_lease);
}

Lock& LockAttempt::lock()
{
    if (!_lock)
        throw LockAcquisitionError(
            "lock \"" + _holder.name + "\" was not acquired: it is held by another; test the LockAttempt before using it", _holder);
    return *_lock;
}

} // namespace Leasehold
