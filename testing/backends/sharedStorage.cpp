#include "StorageAdapter.h"

#include <map>

namespace Leasehold
{

StorageAdapter& sharedStorage(const StorageKind& kind)
{
    static std::map<std::string, std::unique_ptr<StorageAdapter>> started;
    auto& adapter = started[kind.name];
    if (!adapter)
        adapter = kind.start();
    return *adapter;
}

} // namespace Leasehold
