#pragma once

#include "Leasehold/SQLiteLockStore.h"
#include "Leasehold/StorageCapabilities.h"
#include "Leasehold/StoreHarness.h"
#include "TestDirectory.h"

#include <atomic>
#include <memory>
#include <string>

namespace Leasehold
{

/// A file in its own folder, on a host with clocks that the test sets.
class SQLiteHarness : public StoreHarness,
                      public VirtualTime,
                      public ClockAhead,
                      public HostReboot,
                      public StorageLoss,
                      public StorageBackup,
                      public NewerSchema,
                      public Outage
{
public:
    SQLiteHarness();
    ~SQLiteHarness() override;

    std::shared_ptr<LockStore> openStore() override;
    Milliseconds shortTtl() const override { return std::chrono::seconds{30}; }
    void advance(Milliseconds span) override;
    void pretendClockWasAhead(const std::string& name, Milliseconds by) override;
    void rebootHost(Milliseconds away) override;
    void emptyStorage() override;
    void backUp() override;
    void restoreBackup() override;
    void writeNewerSchema() override;
    /// The outage: the transaction of another process does not end.
    void cutOff() override;
    void reconnect() override;

    const std::string& path() const { return _path; }

protected:
    /// The clocks of the process with this view; the first number is 0.
    virtual SQLiteHostClocks clocksOf(unsigned view);

    std::string bootId() const { return "boot " + std::to_string(_boots.load()); }
    std::chrono::microseconds boottime() const { return std::chrono::microseconds(_boottime.load()); }
    void moveWallClock(Milliseconds by) { _wall += std::chrono::microseconds(by).count(); }

private:
    class Connection;

    const TestDirectory _place;
    const std::string _folder = _place.file("locks");
    const std::string _backup = _place.file("backup");
    const std::string _path = _folder + "/locks.db";
    std::atomic<int> _boots{1};
    std::atomic<std::int64_t> _boottime{3'600'000'000}, _wall{1'800'000'000'000'000};
    unsigned _views = 0;
    std::unique_ptr<Connection> _intruder;
};

/// All views have the same boot id, so only the boot clock judges expiry.
class SQLiteOneBootHarness : public SQLiteHarness, public WallClockSteps
{
public:
    void stepWallClock(Milliseconds by) override { moveWallClock(by); }
};

/// The same with real processes in real time.
template <typename Harness>
class WithSQLiteProcesses : public Harness, public Processes
{
public:
    std::string location() const override { return this->path(); }
    Milliseconds realTtl() const override { return Milliseconds{500}; }
    static std::shared_ptr<LockStore> openElsewhere(const std::string& location)
    {
        return std::make_shared<SQLiteLockStore>(SQLiteOptions{.path = location});
    }
};

} // namespace Leasehold
