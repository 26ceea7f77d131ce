#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/printable.h"

#include <string>

namespace Leasehold
{

/// What a store is, and what a policy must respect.
struct StoreInfo
{
    std::string type{};              ///< as a configuration names it: "sqlite"
    std::string location{};          ///< for people, without secrets
    bool durable = false;            ///< a grant survives a crash of the storage
    bool sharedAcrossHosts = false;  ///< processes on several hosts exclude each other through it
    Milliseconds minTtl{};           ///< the smallest ttl it can keep; 0: no limit of the store's own
    Milliseconds maxTtl{};           ///< the greatest ttl it can keep; 0: no limit of the store's own
    Milliseconds ttlGranularity{1};  ///< a ttl must be a multiple of this
    Milliseconds clockUncertainty{}; ///< how far the clocks that judge one lease may differ; a policy's safetyMargin must be at least that
    bool reservesFences = false;     ///< it honours AcquireRequest::reservedFences
    bool tellsWanted = false;        ///< it honours AcquireRequest::wantedFor
    bool tellsTime = true;           ///< its records have the times of the storage's clock; false: of the clocks of its clients
    std::string warning{};           ///< for people, without secrets: what is wrong although the store works; empty: nothing is known
};

/// For people: `the sqlite store /var/lib/locks.db`.
LEASEHOLD_EXPORT std::string toString(const StoreInfo& store);

} // namespace Leasehold
