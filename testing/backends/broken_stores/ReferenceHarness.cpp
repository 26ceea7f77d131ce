#include "ReferenceHarness.h"

#include "Leasehold/ReferenceLockStore.h"
#include "Leasehold/registerConformance.h"

namespace Leasehold
{
namespace
{

std::shared_ptr<LockStore> openUnbroken(std::shared_ptr<ReferenceStorage> storage)
{
    return std::make_shared<ReferenceLockStore>(std::move(storage));
}

// What the broken stores break passes the whole kit: what the kit says of them is about their faults.
const bool registered = registerConformance<ReferenceHarness>("reference", openUnbroken);

} // namespace
} // namespace Leasehold
