#pragma once
namespace Leasehold
{
class StoreRegistry;
void registerMemoryStore(StoreRegistry& registry);
} // namespace Leasehold
