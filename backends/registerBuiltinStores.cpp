#include "Leasehold/registerBuiltinStores.h"

#ifdef LEASEHOLD_HAS_MEMORY
#include "Leasehold/MemoryLockStore.h"
#endif
#ifdef LEASEHOLD_HAS_SQLITE
#include "Leasehold/SQLiteLockStore.h"
#endif
#ifdef LEASEHOLD_HAS_ELASTICSEARCH
#include "Leasehold/ElasticsearchLockStore.h"
#endif

namespace Leasehold
{

void registerBuiltinStores([[maybe_unused]] StoreRegistry& registry)
{
#ifdef LEASEHOLD_HAS_MEMORY
    registerMemoryStore(registry);
#endif
#ifdef LEASEHOLD_HAS_SQLITE
    registerSQLiteStore(registry);
#endif
#ifdef LEASEHOLD_HAS_ELASTICSEARCH
    registerElasticsearchStore(registry);
#endif
}

} // namespace Leasehold
