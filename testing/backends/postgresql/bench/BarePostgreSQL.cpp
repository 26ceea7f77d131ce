#include "BarePostgreSQL.h"

#include <libpq-fe.h>

#include <array>
#include <atomic>
#include <stdexcept>

namespace Leasehold::Bench
{

void BarePostgreSQL::Close::operator()(pg_conn* connection) const
{
    PQfinish(connection);
}

void BarePostgreSQL::Close::operator()(pg_result* result) const
{
    PQclear(result);
}

BarePostgreSQL::BarePostgreSQL(const std::string& connectionString, const std::string& schema, std::string name) :
    _connection(PQconnectdb(connectionString.c_str())), _name(std::move(name))
{
    if (PQstatus(_connection.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(_connection.get()));
    const auto prepare = [&](const char* statement, const std::string& text)
    { require(Result(PQprepare(_connection.get(), statement, text.c_str(), 0, nullptr))); };
    prepare("acquire", "SELECT o_status, o_now, o_fence, o_acquired, o_expires, o_ttl, o_metadata, o_broken FROM " + schema +
                           ".acquire_1($1, $2, 30000, '{}', 0, 0, 0, $3)");
    prepare("release", "SELECT " + schema + ".release_1($1, $2, $3)");
    const auto era = require(Result(PQexec(_connection.get(), ("SELECT o_era FROM " + schema + ".about_1()").c_str())));
    _era = PQgetvalue(era.get(), 0, 0);
}

BarePostgreSQL::Result BarePostgreSQL::require(Result result) const
{
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        throw std::runtime_error(PQerrorMessage(_connection.get()));
    return result;
}

bool BarePostgreSQL::pair()
{
    static std::atomic<unsigned long> pairs{0};
    const auto token = "bare-" + std::to_string(++pairs);
    const std::array<const char*, 3> acquiring{_name.c_str(), token.c_str(), _era.c_str()};
    const auto acquired = require(Result(PQexecPrepared(_connection.get(), "acquire", 3, acquiring.data(), nullptr, nullptr, 0)));
    const std::string status = PQgetvalue(acquired.get(), 0, 0);
    if (status == "1")
        return false;
    if (status != "0")
        throw std::runtime_error("acquire_1 answered with status " + status);
    const std::array<const char*, 3> releasing{_name.c_str(), token.c_str(), PQgetvalue(acquired.get(), 0, 2)};
    const auto released = require(Result(PQexecPrepared(_connection.get(), "release", 3, releasing.data(), nullptr, nullptr, 0)));
    if (PQgetvalue(released.get(), 0, 0)[0] > '1')
        throw std::runtime_error("release_1 found the lock not held");
    return true;
}

} // namespace Leasehold::Bench
