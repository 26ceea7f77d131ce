#include "SqliteStatement.h"

#include "SqliteConnection.h"

#include <sqlite3.h>

namespace Leasehold
{

SqliteStatement::~SqliteStatement()
{
    forget();
}

SqliteStatement::Execution SqliteStatement::execute()
{
    if (!_statement)
        _connection.require(sqlite3_prepare_v3(_connection.handle(), _sql.data(), static_cast<int>(_sql.size()), SQLITE_PREPARE_PERSISTENT,
                                               &_statement, nullptr));
    return Execution(*this);
}

void SqliteStatement::forget() noexcept
{
    sqlite3_finalize(_statement);
    _statement = nullptr;
}

SqliteStatement::Execution::~Execution()
{
    sqlite3_reset(_statement._statement); // it returns the failure of the last step again, which was thrown already
}

SqliteStatement::Execution& SqliteStatement::Execution::bind(int parameter, std::string_view text)
{
    _statement._connection.require(
        sqlite3_bind_text(_statement._statement, parameter, text.data(), static_cast<int>(text.size()), SQLITE_STATIC));
    return *this;
}

SqliteStatement::Execution& SqliteStatement::Execution::bind(int parameter, std::int64_t number)
{
    _statement._connection.require(sqlite3_bind_int64(_statement._statement, parameter, number));
    return *this;
}

bool SqliteStatement::Execution::step()
{
    const int code = sqlite3_step(_statement._statement);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        _statement._connection.fail(code);
    return false;
}

void SqliteStatement::Execution::run()
{
    while (step())
    {
    }
}

std::int64_t SqliteStatement::Execution::number(int column) const
{
    return sqlite3_column_int64(_statement._statement, column);
}

std::string_view SqliteStatement::Execution::view(int column) const
{
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(_statement._statement, column));
    return bytes ? std::string_view(bytes, static_cast<std::size_t>(sqlite3_column_bytes(_statement._statement, column)))
                 : std::string_view();
}

} // namespace Leasehold
