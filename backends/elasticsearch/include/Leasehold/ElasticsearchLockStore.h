#pragma once
namespace Leasehold
{
class StoreRegistry;
void registerElasticsearchStore(StoreRegistry& registry);
} // namespace Leasehold
