#include "SQLiteTestStore.h"

#include <stdexcept>

namespace Leasehold
{

LeaseRef take(LockStore& store, const std::string& name, const std::string& token, Milliseconds ttl)
{
    const auto reply = tryAcquire(store, name, token, ttl);
    if (reply.status != AcquireStatus::granted)
        throw std::runtime_error("lock " + name + " was not granted");
    return {name, token, reply.record.fence};
}

} // namespace Leasehold
