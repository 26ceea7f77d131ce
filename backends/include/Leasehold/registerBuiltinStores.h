#pragma once

#include "Leasehold/Export.h"

namespace Leasehold
{

class StoreRegistry;

/// Adds the production stores that this build contains: memory, sqlite, elasticsearch. Throws LockConfigurationError if one
/// of those names is taken.
LEASEHOLD_EXPORT void registerBuiltinStores(StoreRegistry& registry);

} // namespace Leasehold
