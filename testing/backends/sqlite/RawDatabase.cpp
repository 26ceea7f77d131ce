#include "RawDatabase.h"

#include <sqlite3.h>
#include <stdexcept>

namespace Leasehold
{

RawDatabase::RawDatabase(const std::string& path)
{
    if (sqlite3_open(path.c_str(), &_handle) != SQLITE_OK)
        throw std::runtime_error("cannot open " + path);
    sqlite3_busy_timeout(_handle, 10'000);
}

RawDatabase::~RawDatabase()
{
    sqlite3_close_v2(_handle);
}

void RawDatabase::run(const std::string& sql)
{
    if (sqlite3_exec(_handle, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        throw std::runtime_error(sql + ": " + sqlite3_errmsg(_handle));
}

std::string RawDatabase::text(const std::string& sql)
{
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(_handle, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
    {
        sqlite3_finalize(statement);
        throw std::runtime_error(sql + ": no row, " + sqlite3_errmsg(_handle));
    }
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    std::string value = bytes ? bytes : "";
    sqlite3_finalize(statement);
    return value;
}

} // namespace Leasehold
