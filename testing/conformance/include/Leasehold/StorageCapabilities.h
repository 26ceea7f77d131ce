#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/LockStore.h"

#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace Leasehold
{

/// What some storages can do and others can not. A harness has a capability by deriving from its class, so that what it claims
/// and what it implements cannot differ. Tests that need one that a harness lacks are not registered for it, and the kit
/// prints which those are.
enum class Capability
{
    virtualTime,
    wallClockSteps,
    clockAhead,
    storageRestart,
    hostReboot,
    storageLoss,
    storageBackup,
    newerSchema,
    outage,
    processes
};

/// For people: "a restart of the storage".
const char* toString(Capability capability);

/// The clock that judges expiry stands still but for StoreHarness::advance. Then the kit tests to the millisecond, and expects
/// the store to look at that clock and no other.
class VirtualTime
{
public:
    static constexpr auto capability = Capability::virtualTime;
    virtual ~VirtualTime() = default;
};

/// The wall clock that anchors fences is another one than the clock that judges expiry, and can be set.
class WallClockSteps
{
public:
    static constexpr auto capability = Capability::wallClockSteps;
    virtual ~WallClockSteps() = default;

    /// Forward, or back when `by` is negative. The clock that judges expiry does not move.
    virtual void stepWallClock(Milliseconds by) = 0;
};

/// The clock that judges expiry may have been ahead, and set back since.
class ClockAhead
{
public:
    static constexpr auto capability = Capability::clockAhead;
    virtual ~ClockAhead() = default;

    /// Makes the live record of that name as if the clock had been ahead by `by` when it was written.
    virtual void pretendClockWasAhead(const std::string& name, Milliseconds by) = 0;
};

/// The storage can be stopped and started on the data that it has; views that were opened before are used again afterwards.
class StorageRestart
{
public:
    static constexpr auto capability = Capability::storageRestart;
    virtual ~StorageRestart() = default;
    virtual void restartStorage() = 0;
};

/// The storage belongs to one host, whose boot clock begins again with a restart of the machine.
class HostReboot
{
public:
    static constexpr auto capability = Capability::hostReboot;
    virtual ~HostReboot() = default;

    /// The kit has closed all stores. `away` passes by the wall clock until the host is back.
    virtual void rebootHost(Milliseconds away) = 0;
};

/// The storage can lose everything while stores are open: a deleted file or index.
class StorageLoss
{
public:
    static constexpr auto capability = Capability::storageLoss;
    virtual ~StorageLoss() = default;
    virtual void emptyStorage() = 0;
};

/// The storage can be set back to an earlier state.
class StorageBackup
{
public:
    static constexpr auto capability = Capability::storageBackup;
    virtual ~StorageBackup() = default;

    /// No call to a store is under way during either. Restoring may need that no store is open: the kit has closed all then.
    virtual void backUp() = 0;
    virtual void restoreBackup() = 0;
};

/// The storage carries a number of its schema.
class NewerSchema
{
public:
    static constexpr auto capability = Capability::newerSchema;
    virtual ~NewerSchema() = default;

    /// As a future version of the store would leave the storage.
    virtual void writeNewerSchema() = 0;
};

/// The storage can be made to answer nothing, or nothing but reads, for a while.
class Outage
{
public:
    static constexpr auto capability = Capability::outage;
    virtual ~Outage() = default;
    virtual void cutOff() = 0;
    virtual void reconnect() = 0;
};

/// Other processes can open the same storage, in real time. The kit starts the test program again for each: runTests recognises that.
///
/// The harness must also have a function
///
///     static std::shared_ptr<LockStore> openElsewhere(const std::string& location);
///
/// that opens the storage in such a process, judged by the real clock.
class Processes
{
public:
    static constexpr auto capability = Capability::processes;
    virtual ~Processes() = default;

    /// What openElsewhere needs.
    virtual std::string location() const = 0;

    /// The lease of the tests with processes, which are killed while they hold it, in real time.
    virtual Milliseconds realTtl() const = 0;

    /// What the command of the given worker (0, 1, ...) starts with, to put it in other circumstances: {"unshare", ...}.
    virtual std::vector<std::string> commandPrefix(unsigned) const { return {}; }
};

using CapabilitySet = std::set<Capability>;

/// All of them, in the order of Capability.
using AllCapabilities = std::tuple<VirtualTime, WallClockSteps, ClockAhead, StorageRestart, HostReboot, StorageLoss, StorageBackup,
                                   NewerSchema, Outage, Processes>;

/// Those that a class of harness has.
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
