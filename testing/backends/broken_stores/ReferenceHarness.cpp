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

// The unbroken reference store passes the whole kit, so a test that fails on a broken store fails because of its fault.
const bool registered = registerConformance<ReferenceHarness>("reference", openUnbroken);

} // namespace
} // namespace Leasehold
