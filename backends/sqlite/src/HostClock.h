#pragma once

#include "Leasehold/SQLiteLockStore.h"
#include "Leasehold/Store/LeaseRules.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace Leasehold
{

/// The host's clocks at one moment.
struct HostNow
{
    const std::string& bootId;
    LeaseRules::StorageNow rule; ///< its `ms`: the host's CLOCK_BOOTTIME, the same for every time namespace
    std::int64_t wallMs;         ///< since 1970
};

/// Reads the clocks that all processes of a host share. Thread-safe.
class HostClock
{
public:
    /// Reads boot id and offset, which do not change while a process runs. Throws LockStoreError if they cannot be read.
    explicit HostClock(const SQLiteHostClocks& sources);

    HostNow now() const;

private:
    const SQLiteHostClocks& _sources;
    const std::string _bootId;
    const std::chrono::nanoseconds _offset;
};

} // namespace Leasehold
