#pragma once
namespace Leasehold
{
class StoreRegistry;
void registerSQLiteStore(StoreRegistry& registry);
} // namespace Leasehold
