#include "StorageAdapter.h"

#include <Poco/File.h>
#include <Poco/TemporaryFile.h>

#include <sqlite3.h>

#include <stdexcept>

namespace Leasehold
{
namespace
{

struct Closer
{
    void operator()(sqlite3* connection) const { sqlite3_close(connection); }
};
using Connection = std::unique_ptr<sqlite3, Closer>;

/// A new file for each test. The kind "sqlite-normal" has the durability normal.
class SQLiteStorage : public StorageAdapter
{
public:
    explicit SQLiteStorage(const std::string& kind) : _durability(kind == "sqlite-normal" ? "normal" : "full")
    {
        _folder.createDirectories();
    }

    std::string name() const override { return std::string("SQLite ") + sqlite3_libversion(); }

    std::string emptyStorage() override
    {
        _path = _folder.path() + "/locks" + std::to_string(++_files) + ".db";
        return "sqlite://" + _path + "?durability=" + _durability;
    }

    std::string properties() const override
    {
        return "leasehold.store.sqlite.path = " + _path + "\nleasehold.store.sqlite.durability = " + _durability + "\n";
    }

    std::size_t countTables() override
    {
        if (!Poco::File(_path).exists())
            return 0;
        const auto connection = open();
        std::size_t count = 0;
        const auto read = [](void* result, int, char** values, char**)
        {
            *static_cast<std::size_t*>(result) = std::stoul(values[0]);
            return 0;
        };
        require(*connection,
                sqlite3_exec(connection.get(), "SELECT count(*) FROM sqlite_master WHERE type = 'table'", read, &count, nullptr));
        return count;
    }

    /// Acts as another process that stopped in the middle of a transaction.
    void freeze() override
    {
        auto connection = open();
        sqlite3_busy_timeout(connection.get(), 10'000);
        require(*connection, sqlite3_exec(connection.get(), "BEGIN IMMEDIATE", nullptr, nullptr, nullptr));
        _blocker = std::move(connection);
    }
    void thaw() override { _blocker.reset(); }
    int hangTrials() const override { return 4; }

private:
    Connection open() const
    {
        sqlite3* opened = nullptr;
        const int status = sqlite3_open(_path.c_str(), &opened);
        Connection connection(opened);
        require(*connection, status);
        return connection;
    }

    static void require(sqlite3& connection, int status)
    {
        if (status != SQLITE_OK)
            throw std::runtime_error(sqlite3_errmsg(&connection));
    }

    const std::string _durability;
    Poco::TemporaryFile _folder;
    std::string _path;
    int _files = 0;
    Connection _blocker;
};

} // namespace

std::unique_ptr<StorageAdapter> sqliteStorage(const std::string& kind)
{
    return std::make_unique<SQLiteStorage>(kind);
}

} // namespace Leasehold
