#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/Store/LeaseRules.h"
#include "Leasehold/Store/ReleaseHub.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace Leasehold
{

/// A storage in virtual time, for ReferenceLockStore and BrokenStore. A test can restart it, empty it, restore a backup, cut it off and
/// step its clock. Thread-safe.
class LEASEHOLD_EXPORT ReferenceStorage
{
public:
    using Slot = std::optional<LeaseRules::Record>; ///< nullopt: no record of that name
    using Records = std::map<std::string, Slot>;    ///< by name

    /// Calls `step` with the records while they are locked for this thread.
    template <typename Step>
    auto enter(Step step)
    {
        const std::lock_guard guard(_mutex);
        return step(_records);
    }

    /// The clock that judges expiry, which only advance moves, and the wall clock.
    LeaseRules::StorageNow now() const { return {_ms.load(), _wall.load()}; }
    /// Moves both clocks.
    void advance(Milliseconds span);
    /// Moves the wall clock alone; back when `by` is negative.
    void stepWallClock(Milliseconds by);
    /// Changes the live record of that name as if the clock had been ahead by `by` when it was written.
    void pretendClockWasAhead(const std::string& name, Milliseconds by);

    /// Loses nothing; only restartedAt changes.
    void restart() { _restartedAt = _ms.load(); }
    /// By StorageNow::ms; nullopt: never.
    std::optional<std::int64_t> restartedAt() const;
    /// Reboots the host of the stores, which takes `away`.
    void rebootHost(Milliseconds away);
    /// By StorageNow::ms.
    std::int64_t hostBootedAt() const { return _hostBootedAt.load(); }

    /// Removes all records.
    void empty();
    /// Keeps a copy of the records, in the place of an earlier one.
    void backUp();
    /// Replaces the records by the copy.
    void restoreBackup();

    /// The number of its schema. It is 1 at first; a greater number stands for a later version of Leasehold.
    int schema() const { return _schema.load(); }
    /// Sets the number of its schema.
    void setSchema(int schema) { _schema = schema; }

    /// While it is cut off, no store can reach it.
    bool isCutOff() const { return _cutOff.load(); }
    /// Cuts it off, or ends that.
    void setCutOff(bool cutOff) { _cutOff = cutOff; }

    /// Of all views of the storage.
    ReleaseHub& feeds() { return *_feeds; }

private:
    static constexpr std::int64_t never = -1;

    std::mutex _mutex;
    Records _records, _backup;
    std::atomic<std::int64_t> _ms{3'600'000}, _wall{1'800'000'000'000'000}, _restartedAt{never}, _hostBootedAt{0};
    std::atomic<int> _schema{1};
    std::atomic<bool> _cutOff{false};
    const std::shared_ptr<ReleaseHub> _feeds = std::make_shared<ReleaseHub>();
};

} // namespace Leasehold
