#include "Leasehold/LockManagerService.h"

#include "LeaseService.h"
#include "Leasehold/Store/StoreRegistry.h"

#include <utility>

namespace Leasehold
{
namespace
{

/// The caller keeps the shared pointer during a call, so that moving the service does not destroy what the call uses.
std::shared_ptr<LeaseService> present(const std::shared_ptr<LeaseService>& service)
{
    if (!service)
        throw LockException("this LockManagerService was moved from");
    return service;
}

void end(std::shared_ptr<LeaseService> service) noexcept
{
    if (!service)
        return;
    if (service->isForeign())
        ForkGuard::keepForever(std::move(service));
    else
        service->stop();
}

} // namespace

LockManagerService::LockManagerService(std::shared_ptr<LockStore> store, LockPolicy policy, ServiceParts parts) :
    _service(std::make_shared<LeaseService>(std::move(store), std::move(policy), std::move(parts)))
{
}

LockManagerService LockManagerService::fromConfiguration(const Poco::Util::AbstractConfiguration& configuration,
                                                         const StoreRegistry& registry, ServiceParts parts)
{
    auto policy = registry.policy(configuration);
    return LockManagerService(registry.create(configuration), std::move(policy), std::move(parts));
}

LockManagerService::LockManagerService(LockManagerService&&) noexcept = default;

LockManagerService& LockManagerService::operator=(LockManagerService&& other) noexcept
{
    if (this != &other)
        end(std::exchange(_service, std::move(other._service)));
    return *this;
}

LockManagerService::~LockManagerService()
{
    end(std::move(_service));
}

LockAttempt LockManagerService::tryAcquire(const std::string& name, const LockOptions& options)
{
    return present(_service)->tryAcquire(name, options);
}

Lock LockManagerService::acquire(const std::string& name, const LockOptions& options)
{
    const auto service = present(_service);
    auto attempt = service->tryAcquire(name, options);
    if (!attempt)
        throw LockAcquisitionError(service->describeHeld(attempt.holder(), name), attempt.holder());
    return *std::move(attempt);
}

void LockManagerService::finish(Lock& lock)
{
    try
    {
        lock.release();
    }
    catch (const LockStoreError&) // NOLINT(bugprone-empty-catch)
    {
        // The work ended under a valid lease, which will expire. The observers were told that the release failed.
    }
}

std::optional<LockRecord> LockManagerService::find(const std::string& name) const
{
    return present(_service)->find(name);
}

std::vector<LockRecord> LockManagerService::list(const ListQuery& query) const
{
    return present(_service)->list(query);
}

bool LockManagerService::breakLock(const std::string& name, Fence expected, BreakMode mode)
{
    return present(_service)->breakLock(name, expected, mode);
}

StoreCheck LockManagerService::check() const
{
    return present(_service)->check();
}

const LockPolicy& LockManagerService::policy() const
{
    return present(_service)->policy();
}

} // namespace Leasehold
