#pragma once

#include "Leasehold/Store/CallContext.h"
#include "Leasehold/Store/LockStore.h"

#include <functional>
#include <string>
#include <vector>

namespace Leasehold
{

/// A request that arrives late, or twice, about a lease that has ended meanwhile. If the verb is one atomic step, it cannot change the next
/// grant.
struct LateVerb
{
    std::string name{};
    std::function<void(LockStore&, const LeaseRef&, const CallContext&)> send{};
    bool ofALease = true;          ///< false: it concerns the name and not a live lease
    bool mayKeepTaken = false;     ///< the lock may stay taken until the end of the lease
    bool mayRefuseRelease = false; ///< the holder's own release may come later, and be refused
};

/// The TTL of a late renewal. It differs from that of the grant, so that a renewal shows in the record.
inline constexpr Milliseconds lateTtl = std::chrono::minutes{20};

LateVerb lateAcquire();
LateVerb lateRenewal();
LateVerb lateRelease();
LateVerb lateBreak(BreakMode mode);

/// The verb that prunes all dead records.
LateVerb latePrune();

/// The late verb of that name; for the kit's processes.
LateVerb lateVerb(const std::string& name);

} // namespace Leasehold
