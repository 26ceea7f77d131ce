#pragma once

namespace Leasehold
{
class StoreRegistry;
}

namespace Leasehold::Tool
{

/// The stores that this program is built with.
void registerToolStores(StoreRegistry& registry);

} // namespace Leasehold::Tool
