#include "Leasehold/StorageCapabilities.h"

namespace Leasehold
{

const char* toString(Capability capability)
{
    switch (capability)
    {
    case Capability::virtualTime:
        return "virtual time";
    case Capability::wallClockSteps:
        return "wall clock that can be stepped";
    case Capability::clockAhead:
        return "clock that had been ahead";
    case Capability::storageRestart:
        return "restart of the storage";
    case Capability::hostReboot:
        return "restart of its host";
    case Capability::storageLoss:
        return "loss of the storage";
    case Capability::storageBackup:
        return "backup of the storage";
    case Capability::newerSchema:
        return "newer schema";
    case Capability::outage:
        return "outage of the storage";
    case Capability::processes:
        return "way for other processes";
    }
    return "unknown capability";
}

} // namespace Leasehold
