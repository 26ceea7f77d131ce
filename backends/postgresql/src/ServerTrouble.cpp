#include "ServerTrouble.h"

#include <algorithm>

namespace Leasehold::PostgreSQL
{

namespace
{

struct Known
{
    std::string_view state; // a whole SQLSTATE, or the two characters of a class
    Judgement judgement;
};

// A whole SQLSTATE stands before its class.
constexpr Known table[] = {
    {"08P01", {Meaning::permanent, "the server or a pooler does not understand the connection; through a pooler set pooler = transaction"}},
    {"08", {Meaning::unavailable, "the connection was lost"}},
    {"0A000", {Meaning::notPrepared, "the columns of the table changed"}},
    {"25006", {Meaning::otherServer, "the server is a standby, or its session is read only"}},
    {"25P03", {Meaning::unavailable, "the transaction was idle for too long"}},
    {"25P04", {Meaning::unavailable, "the transaction took too long"}},
    {"26000", {Meaning::notPrepared, "the prepared statement is gone; through a pooler set pooler = transaction"}},
    {"42P05", {Meaning::notPrepared, "the prepared statement exists already; through a pooler set pooler = transaction"}},
    {"28", {Meaning::permanent, "the server refuses the credentials: check user, password and its pg_hba.conf"}},
    {"3D000", {Meaning::permanent, "the database does not exist: let an operator create it, or set the key database"}},
    {"3F000", {Meaning::schemaMissing, "the schema is missing"}},
    {"40001", {Meaning::unavailable, "another transaction was quicker"}},
    {"40P01", {Meaning::unavailable, "the server resolved a deadlock with another session"}},
    {"42501", {Meaning::permanent, "the user lacks a right: operating.md of the PostgreSQL store lists the grants"}},
    {"42704", {Meaning::schemaMissing, "a part of the schema is missing"}},
    {"42883", {Meaning::schemaMissing, "a function of the schema is missing"}},
    {"42P01", {Meaning::schemaMissing, "the table is missing"}},
    {"53", {Meaning::unavailable, "the server is full: connections, memory or disk"}},
    {"55P03", {Meaning::unavailable, "another session has kept the row, or the set-up, locked for too long"}},
    {"57014", {Meaning::unavailable, "the call took too long, or an operator cancelled it"}},
    {"57P", {Meaning::unavailable, "the server is starting, stopping or recovering, or an operator ended the session"}},
    {"58030", {Meaning::unavailable, "the server cannot read or write its disk"}},
};

bool isSqlState(std::string_view text)
{
    return text.size() == 5 &&
           std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

} // namespace

Judgement judge(std::string_view sqlState)
{
    for (const auto& known : table)
    {
        if (sqlState.starts_with(known.state))
            return known.judgement;
    }
    return {Meaning::permanent, "the schema is not as this version of Leasehold made it, or the server has a fault"};
}

Refusal::Refusal(const std::string& sqlState) :
    std::runtime_error(describe(sqlState)), _sqlState(isSqlState(sqlState) ? sqlState : std::string())
{
}

bool Refusal::mayConcernOneStep() const noexcept
{
    const bool concernsServer = _sqlState.starts_with("08") || _sqlState.starts_with("53") || _sqlState.starts_with("57P");
    return !concernsServer && meaning() != Meaning::otherServer;
}

std::string describe(std::string_view sqlState)
{
    return (isSqlState(sqlState) ? "SQLSTATE " + std::string(sqlState) : std::string("an error without an SQLSTATE")) + ": " +
           judge(sqlState).advice;
}

std::string sqlStateOf(std::string_view connectionError)
{
    // "... failed: FATAL:  28P01: password ..."; the first word may be translated.
    for (auto at = connectionError.find(":  "); at != std::string_view::npos; at = connectionError.find(":  ", at + 1))
    {
        const auto state = connectionError.substr(at + 3, 5);
        if (isSqlState(state) && connectionError.substr(at + 8, 2) == ": ")
            return std::string(state);
    }
    return {};
}

} // namespace Leasehold::PostgreSQL
