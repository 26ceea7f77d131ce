#pragma once

namespace Leasehold
{

class StoreRegistry;

/// Adds the production stores that this build contains: memory, sqlite, elasticsearch. Throws LockConfigurationError if one
/// of those names is taken.
void registerBuiltinStores(StoreRegistry& registry);

} // namespace Leasehold
