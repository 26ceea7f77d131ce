#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/LeaseRules.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace Leasehold
{

/// A storage in virtual time that can have all the trouble that a storage has, for the stores that look into it
/// (ReferenceLockStore) and for those that do it wrong (BrokenStore). Thread-safe.
class ReferenceStorage
{
public:
    using Slot = std::optional<LeaseRules::Record>; ///< nullopt: nothing is known of that name
    using Records = std::map<std::string, Slot>;

    /// Calls `step` with the records, alone among all threads.
    template <typename Step>
    auto enter(Step step)
    {
        const std::lock_guard guard(_mutex);
        return step(_records);
    }

    /// The clock that judges expiry, which nothing but advance moves, and the wall clock.
    LeaseRules::StorageNow now() const { return {_ms.load(), _wall.load()}; }
    void advance(Milliseconds span);
    void stepWallClock(Milliseconds by);
    /// The live record of that name as if the clock had been ahead by `by` when it was written.
    void pretendClockWasAhead(const std::string& name, Milliseconds by);

    /// Nothing is lost; that it happened is only noted.
    void restart() { _restartedAt = _ms.load(); }
    /// By StorageNow::ms; nullopt if it never was.
    std::optional<std::int64_t> restartedAt() const;
    /// The host of the stores starts anew, `away` later.
    void rebootHost(Milliseconds away);
    /// By StorageNow::ms.
    std::int64_t hostBootedAt() const { return _hostBootedAt.load(); }

    void empty();
    void backUp();
    void restoreBackup();

    /// 1, or greater: that of a later version.
    int schema() const { return _schema.load(); }
    void setSchema(int schema) { _schema = schema; }

    /// While it is cut off it cannot be reached.
    bool isCutOff() const { return _cutOff.load(); }
    void setCutOff(bool cutOff) { _cutOff = cutOff; }

private:
    static constexpr std::int64_t never = -1;

    std::mutex _mutex;
    Records _records, _backup;
    std::atomic<std::int64_t> _ms{3'600'000}, _wall{1'800'000'000'000'000}, _restartedAt{never}, _hostBootedAt{0};
    std::atomic<int> _schema{1};
    std::atomic<bool> _cutOff{false};
};

} // namespace Leasehold
