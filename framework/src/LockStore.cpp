#include "Leasehold/LockStore.h"

namespace Leasehold
{

std::string LockStore::engine(const CallContext&)
{
    return {};
}

// Most stores hear of nothing by themselves.
void LockStore::setListener(std::shared_ptr<StoreListener>) {}

} // namespace Leasehold
