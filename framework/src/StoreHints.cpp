#include "StoreHints.h"

#include "LeaseService.h"

namespace Leasehold
{

void StoreHints::lost(const LeaseRef& lease)
{
    const std::lock_guard guard(_mutex);
    if (_service)
        _service->onLost(lease);
}

void StoreHints::mayBeFree(const std::string& name)
{
    const std::lock_guard guard(_mutex);
    if (_service)
        _service->onMayBeFree(name);
}

void StoreHints::end()
{
    const std::lock_guard guard(_mutex);
    _service = nullptr;
}

} // namespace Leasehold
