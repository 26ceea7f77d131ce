#include "Leasehold/SQLiteLockStore.h"
#include "Leasehold/TestRunner.h"
#include "Leasehold/TokenPolicy.h"
#include "Leasehold/registerConformance.h"

#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;
using std::chrono::microseconds;

/// A connection to the file from outside.
class Database
{
public:
    explicit Database(const std::string& path)
    {
        if (sqlite3_open(path.c_str(), &_handle) != SQLITE_OK)
            throw std::runtime_error("cannot open " + path);
    }
    ~Database() { sqlite3_close(_handle); }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    void execute(const char* sql)
    {
        if (sqlite3_exec(_handle, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
            throw std::runtime_error(std::string(sql) + ": " + sqlite3_errmsg(_handle));
    }

private:
    sqlite3* _handle = nullptr;
};

/// A file in a folder of its own, on a host whose clocks are ours.
class SQLiteHarness : public StoreHarness,
                      public VirtualTime,
                      public WallClockSteps,
                      public ClockAhead,
                      public HostReboot,
                      public StorageLoss,
                      public StorageBackup,
                      public NewerSchema,
                      public Outage,
                      public Processes
{
public:
    SQLiteHarness() { std::filesystem::create_directories(_folder); }
    ~SQLiteHarness() override { std::filesystem::remove_all(_folder); }

    std::shared_ptr<LockStore> openStore() override
    {
        SQLiteHostClocks clocks;
        clocks.bootId = [this] { return "boot " + std::to_string(_boots.load()); };
        clocks.boottime = [this] { return std::chrono::nanoseconds(microseconds(_boottime.load())); };
        clocks.boottimeOffset = [] { return 0ns; };
        clocks.wallClock = [this] { return microseconds(_wall.load()); };
        return std::make_shared<SQLiteLockStore>(SQLiteOptions{.path = _path, .clocks = clocks});
    }

    Milliseconds shortTtl() const override { return 30s; }

    void advance(Milliseconds span) override
    {
        _boottime += microseconds(span).count();
        _wall += microseconds(span).count();
    }

    void stepWallClock(Milliseconds by) override { _wall += microseconds(by).count(); }
    void pretendClockWasAhead(const std::string&, Milliseconds by) override { _boottime -= microseconds(by).count(); }

    void rebootHost(Milliseconds away) override
    {
        ++_boots;
        _boottime = microseconds(20s).count();
        _wall += microseconds(away).count();
    }

    void emptyStorage() override
    {
        for (const auto& each : std::filesystem::directory_iterator(_folder))
            std::filesystem::remove(each.path());
    }

    void backUp() override { std::filesystem::copy(_folder, _backup, std::filesystem::copy_options::recursive); }
    void restoreBackup() override
    {
        std::filesystem::remove_all(_folder);
        std::filesystem::rename(_backup, _folder);
    }

    void writeNewerSchema() override { Database(_path).execute("PRAGMA user_version = 1000"); }

    /// Somebody's transaction does not end.
    void cutOff() override
    {
        _intruder = std::make_unique<Database>(_path);
        _intruder->execute("BEGIN EXCLUSIVE");
    }
    void reconnect() override { _intruder.reset(); }

    std::string location() const override { return _path; }
    Milliseconds realTtl() const override { return 500ms; }
    static std::shared_ptr<LockStore> openElsewhere(const std::string& location)
    {
        return std::make_shared<SQLiteLockStore>(SQLiteOptions{.path = location});
    }

private:
    const std::string _folder =
        std::filesystem::temp_directory_path() / ("leasehold-sqlite-" + std::to_string(::getpid()) + "-" + drawToken().substr(0, 8));
    const std::string _backup = _folder + "-backup";
    const std::string _path = _folder + "/locks.db";
    std::atomic<int> _boots{1};
    std::atomic<std::int64_t> _boottime{3'600'000'000}, _wall{1'800'000'000'000'000};
    std::unique_ptr<Database> _intruder;
};

} // namespace
} // namespace Leasehold

int main(int argc, char** argv)
{
    Leasehold::registerConformance<Leasehold::SQLiteHarness>("sqlite");
    return Leasehold::runTests(argc, argv);
}
