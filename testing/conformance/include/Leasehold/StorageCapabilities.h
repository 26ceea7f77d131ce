#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/Store/LockStore.h"

#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace Leasehold
{

/// Abilities that only some storages have. A harness has a capability if it derives from its class, so it cannot claim one that it does not
/// implement. Tests that need a missing capability are not registered for the harness, and the kit prints them.
enum class Capability
{
    virtualTime,    ///< see VirtualTime
    wallClockSteps, ///< see WallClockSteps
    clockAhead,     ///< see ClockAhead
    storageRestart, ///< see StorageRestart
    hostReboot,     ///< see HostReboot
    storageLoss,    ///< see StorageLoss
    storageBackup,  ///< see StorageBackup
    newerSchema,    ///< see NewerSchema
    outage,         ///< see Outage
    processes       ///< see Processes
};

/// For people: "restart of the storage".
LEASEHOLD_EXPORT const char* toString(Capability capability);

/// The clock that judges expiry moves only by StoreHarness::advance. Then the kit tests to the millisecond, and requires that the store
/// uses this clock and no other.
class LEASEHOLD_EXPORT VirtualTime
{
public:
    static constexpr auto capability = Capability::virtualTime; ///< the value for this class
    virtual ~VirtualTime() = default;
};

/// The wall clock, on which fences are based, is not the clock that judges expiry, and can be set.
class LEASEHOLD_EXPORT WallClockSteps
{
public:
    static constexpr auto capability = Capability::wallClockSteps; ///< the value for this class
    virtual ~WallClockSteps() = default;

    /// Moves the wall clock forward, or back if `by` is negative. The clock that judges expiry does not move.
    virtual void stepWallClock(Milliseconds by) = 0;
};

/// The clock that judges expiry can be ahead, and be set back later.
class LEASEHOLD_EXPORT ClockAhead
{
public:
    static constexpr auto capability = Capability::clockAhead; ///< the value for this class
    virtual ~ClockAhead() = default;

    /// Changes the live record of that name as if the clock had been ahead by `by` when it was written.
    virtual void pretendClockWasAhead(const std::string& name, Milliseconds by) = 0;
};

/// The storage can be stopped and started with its data. The kit uses views again that were opened before.
class LEASEHOLD_EXPORT StorageRestart
{
public:
    static constexpr auto capability = Capability::storageRestart; ///< the value for this class
    virtual ~StorageRestart() = default;

    /// Returns when the storage answers again.
    virtual void restartStorage() = 0;
};

/// The storage belongs to one host, whose boot clock restarts at a reboot.
class LEASEHOLD_EXPORT HostReboot
{
public:
    static constexpr auto capability = Capability::hostReboot; ///< the value for this class
    virtual ~HostReboot() = default;

    /// Reboots the host, after the kit has closed all stores. `away`: the downtime by the wall clock.
    virtual void rebootHost(Milliseconds away) = 0;
};

/// The storage can lose all data while stores are open: a deleted file or index.
class LEASEHOLD_EXPORT StorageLoss
{
public:
    static constexpr auto capability = Capability::storageLoss; ///< the value for this class
    virtual ~StorageLoss() = default;

    /// Removes all records, the memory of past fences included.
    virtual void emptyStorage() = 0;
};

/// The storage can be restored to an earlier state.
class LEASEHOLD_EXPORT StorageBackup
{
public:
    static constexpr auto capability = Capability::storageBackup; ///< the value for this class
    virtual ~StorageBackup() = default;

    /// Keeps the present state of the storage. No call to a store is under way.
    virtual void backUp() = 0;
    /// Sets the storage back to the state that backUp kept. The kit has closed all stores.
    virtual void restoreBackup() = 0;
};

/// The storage has a schema number.
class LEASEHOLD_EXPORT NewerSchema
{
public:
    static constexpr auto capability = Capability::newerSchema; ///< the value for this class
    virtual ~NewerSchema() = default;

    /// Changes the storage as a future version of the store would leave it.
    virtual void writeNewerSchema() = 0;
};

/// The storage can stop answering, or answer only reads, for a while.
class LEASEHOLD_EXPORT Outage
{
public:
    static constexpr auto capability = Capability::outage; ///< the value for this class
    virtual ~Outage() = default;

    /// From now on the storage answers nothing, or only reads.
    virtual void cutOff() = 0;
    /// Ends the outage. Returns when the storage answers again.
    virtual void reconnect() = 0;
};

/// Other processes can open the same storage, in real time. The kit starts the test program again for each process; runTests recognises
/// this.
///
/// The harness must also have a function
///
///     static std::shared_ptr<LockStore> openElsewhere(const std::string& location);
///
/// that opens the storage in such a process, with the real clock.
class LEASEHOLD_EXPORT Processes
{
public:
    static constexpr auto capability = Capability::processes; ///< the value for this class
    virtual ~Processes() = default;

    /// The argument of openElsewhere.
    virtual std::string location() const = 0;

    /// The TTL in the tests with processes, which are killed while they hold the lease, in real time.
    virtual Milliseconds realTtl() const = 0;

    /// The beginning of the command of this worker (0, 1, ...), which can change its environment: {"unshare", ...}.
    virtual std::vector<std::string> commandPrefix(unsigned) const { return {}; }
};

/// The capabilities of one storage, or those that a test needs.
using CapabilitySet = std::set<Capability>;

/// All capabilities in the order of Capability.
using AllCapabilities = std::tuple<VirtualTime, WallClockSteps, ClockAhead, StorageRestart, HostReboot, StorageLoss, StorageBackup,
                                   NewerSchema, Outage, Processes>;

/// The capabilities of a class of harness.
template <typename Harness>
CapabilitySet capabilitiesOf()
{
    CapabilitySet result;
    const auto look = [&]<typename... All>(std::type_identity<std::tuple<All...>>)
    { ((std::is_base_of_v<All, Harness> ? (void)result.insert(All::capability) : void()), ...); };
    look(std::type_identity<AllCapabilities>{});
    return result;
}

} // namespace Leasehold
