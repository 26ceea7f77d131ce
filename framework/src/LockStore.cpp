#include "Leasehold/Store/LockStore.h"

#include "Leasehold/Store/ReleaseFeed.h"

namespace Leasehold
{

void LockStore::prepareToRead(const CallContext& context)
{
    prepare(context);
}

std::string LockStore::engine(const CallContext&)
{
    return {};
}

std::unique_ptr<ReleaseFeed> LockStore::releaseFeed(ReleaseSink&)
{
    return nullptr;
}

} // namespace Leasehold
