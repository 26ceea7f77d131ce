#include "Leasehold/Store/RecordSteps.h"

namespace Leasehold::RecordSteps
{

LockRecord toLockRecord(const std::string& name, const LeaseRules::Record& record, const LeaseRules::StorageNow& now)
{
    const auto toWall = now.wallMicroseconds / 1000 - now.ms;
    return {.name = name,
            .fence = record.fence,
            .acquiredAt = StorageTime{Milliseconds{record.acquiredAt + toWall}},
            .expiresAt = StorageTime{Milliseconds{record.expiresAt + toWall}},
            .ttl = Milliseconds{record.ttl},
            .remaining = LeaseRules::remaining(record, now),
            .metadata = record.metadata,
            .broken = record.standing == LeaseRules::Standing::broken};
}

} // namespace Leasehold::RecordSteps
