#include "registerToolStores.h"

#include "Leasehold/registerBuiltinStores.h"

namespace Leasehold::Tool
{

void registerToolStores(StoreRegistry& registry)
{
    registerBuiltinStores(registry);
}

} // namespace Leasehold::Tool
