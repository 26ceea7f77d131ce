#include "Leasehold/LockStore.h"

namespace Leasehold
{

// Most stores hear of nothing by themselves.
void LockStore::setListener(std::shared_ptr<StoreListener>) {}

} // namespace Leasehold
