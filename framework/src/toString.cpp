#include "Leasehold/Exceptions.h"
#include "Leasehold/LockRecord.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/StoreInfo.h"

namespace Leasehold
{
namespace
{

constexpr const char* noEnumerator = "unknown"; // for a number that was cast to the enum

} // namespace

const char* toString(LossReason reason) noexcept
{
    switch (reason)
    {
    case LossReason::expired:
        return "expired";
    case LossReason::refused:
        return "refused";
    case LossReason::maxHold:
        return "maxHold";
    case LossReason::serviceStopped:
        return "serviceStopped";
    case LossReason::broken:
        return "broken";
    case LossReason::released:
        return "released";
    }
    return noEnumerator;
}

const char* toString(BreakMode mode) noexcept
{
    switch (mode)
    {
    case BreakMode::whenItEnds:
        return "whenItEnds";
    case BreakMode::now:
        return "now";
    }
    return noEnumerator;
}

const char* toString(AcquireStatus status) noexcept
{
    switch (status)
    {
    case AcquireStatus::granted:
        return "granted";
    case AcquireStatus::held:
        return "held";
    case AcquireStatus::spent:
        return "spent";
    }
    return noEnumerator;
}

const char* toString(RenewStatus status) noexcept
{
    switch (status)
    {
    case RenewStatus::renewed:
        return "renewed";
    case RenewStatus::lost:
        return "lost";
    case RenewStatus::unavailable:
        return "unavailable";
    case RenewStatus::failed:
        return "failed";
    }
    return noEnumerator;
}

const char* toString(ReleaseStatus status) noexcept
{
    switch (status)
    {
    case ReleaseStatus::released:
        return "released";
    case ReleaseStatus::notHeld:
        return "notHeld";
    }
    return noEnumerator;
}

std::string toString(const LockRecord& record)
{
    return "lock \"" + printable(record.name) + "\": fence " + std::to_string(record.fence) + ", ttl " + formatDuration(record.ttl) + ", " +
           std::to_string(record.remaining.count()) + "ms left" + (record.broken ? ", broken" : "") + ", metadata " +
           printable(record.metadata);
}

std::string toString(const StoreInfo& store)
{
    return "the " + store.type + " store " + store.location;
}

} // namespace Leasehold
