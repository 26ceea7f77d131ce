#include "Leasehold/SQLiteLockStore.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/Store/StoreSettings.h"
#include "storePath.h"

#include <memory>

namespace Leasehold
{

void registerSQLiteStore(StoreRegistry& registry)
{
    registry.add("sqlite",
                 [](StoreSettings& settings) -> std::shared_ptr<LockStore>
                 {
                     const auto durability = settings.choice("durability", {"full", "normal"});
                     const auto path = settings.text("path");
                     const auto problem = problemOfStorePath(path);
                     if (!problem.empty())
                         settings.refuse("path", path, "a path that SQLite can share between processes: " + problem);
                     return std::make_shared<SQLiteLockStore>(
                         SQLiteOptions{.path = settings.resolvePath(path),
                                       .durability = durability == "full" ? SQLiteDurability::full : SQLiteDurability::normal});
                 });
}

} // namespace Leasehold
