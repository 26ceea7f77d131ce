#pragma once

#include "StorageBench.h"

#include <memory>
#include <string>

struct pg_conn;
struct pg_result;

namespace Leasehold::Bench
{

/// The function calls of the store on a bare connection of libpq, one call at a time, by prepared statements and blocking calls.
class BarePostgreSQL : public BareClient
{
public:
    BarePostgreSQL(const std::string& connectionString, const std::string& schema, std::string name);

    bool pair() override;

private:
    struct Close
    {
        void operator()(pg_conn* connection) const;
        void operator()(pg_result* result) const;
    };
    using Result = std::unique_ptr<pg_result, Close>;

    Result require(Result result) const;

    std::unique_ptr<pg_conn, Close> _connection;
    const std::string _name;
    std::string _era;
};

} // namespace Leasehold::Bench
