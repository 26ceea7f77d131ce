#include "registerToolStores.h"

#include "Leasehold/StoreRegistry.h"

#ifdef LEASEHOLD_HAS_MEMORY
#include "Leasehold/MemoryLockStore.h"
#endif
#ifdef LEASEHOLD_HAS_SQLITE
#include "Leasehold/SQLiteLockStore.h"
#endif

namespace Leasehold::Tool
{

void registerToolStores([[maybe_unused]] StoreRegistry& registry)
{
#ifdef LEASEHOLD_HAS_MEMORY
    registerMemoryStore(registry);
#endif
#ifdef LEASEHOLD_HAS_SQLITE
    registerSQLiteStore(registry);
#endif
}

} // namespace Leasehold::Tool
