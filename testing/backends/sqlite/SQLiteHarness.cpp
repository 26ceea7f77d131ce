#include "SQLiteHarness.h"

#include <sqlite3.h>

#include <filesystem>
#include <stdexcept>

namespace Leasehold
{

using namespace std::chrono_literals;
using std::chrono::microseconds;

/// A connection to the file from outside the store.
class SQLiteHarness::Connection
{
public:
    explicit Connection(const std::string& path)
    {
        if (sqlite3_open(path.c_str(), &_handle) != SQLITE_OK)
            throw std::runtime_error("cannot open " + path);
    }
    ~Connection() { sqlite3_close(_handle); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void execute(const char* sql)
    {
        if (sqlite3_exec(_handle, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
            throw std::runtime_error(std::string(sql) + ": " + sqlite3_errmsg(_handle));
    }

private:
    sqlite3* _handle = nullptr;
};

SQLiteHarness::SQLiteHarness()
{
    std::filesystem::create_directories(_folder);
}

SQLiteHarness::~SQLiteHarness() = default;

SQLiteHostClocks SQLiteHarness::clocksOf(unsigned)
{
    return {.bootId = [this] { return bootId(); },
            .boottime = [this] { return std::chrono::nanoseconds(boottime()); },
            .boottimeOffset = [] { return 0ns; },
            .wallClock = [this] { return microseconds(_wall.load()); }};
}

std::shared_ptr<LockStore> SQLiteHarness::openStore()
{
    return std::make_shared<SQLiteLockStore>(SQLiteOptions{.path = _path, .clocks = clocksOf(_views++)});
}

void SQLiteHarness::advance(Milliseconds span)
{
    _boottime += microseconds(span).count();
    _wall += microseconds(span).count();
}

void SQLiteHarness::pretendClockWasAhead(const std::string&, Milliseconds by)
{
    _boottime -= microseconds(by).count();
    _wall -= microseconds(by).count();
}

void SQLiteHarness::rebootHost(Milliseconds away)
{
    ++_boots;
    _boottime = microseconds(20s).count();
    _wall += microseconds(away).count();
}

void SQLiteHarness::emptyStorage()
{
    for (const auto& each : std::filesystem::directory_iterator(_folder))
        std::filesystem::remove(each.path());
}

void SQLiteHarness::backUp()
{
    std::filesystem::copy(_folder, _backup, std::filesystem::copy_options::recursive);
}

void SQLiteHarness::restoreBackup()
{
    std::filesystem::remove_all(_folder);
    std::filesystem::rename(_backup, _folder);
}

void SQLiteHarness::writeNewerSchema()
{
    Connection(_path).execute("PRAGMA user_version = 1000");
}

void SQLiteHarness::cutOff()
{
    _intruder = std::make_unique<Connection>(_path);
    _intruder->execute("BEGIN EXCLUSIVE");
}

void SQLiteHarness::reconnect()
{
    _intruder.reset();
}

} // namespace Leasehold
