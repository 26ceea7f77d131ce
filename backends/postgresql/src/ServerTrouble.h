#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace Leasehold::PostgreSQL
{

/// What an error of the server means to the store.
enum class Meaning
{
    unavailable,   ///< down, overloaded, or a conflict: another attempt may succeed
    otherServer,   ///< this server may not write now: a standby, or read only
    notPrepared,   ///< a prepared statement is gone or out of date; the same without one works
    schemaMissing, ///< the table or a function does not exist
    permanent      ///< an operator must repair something
};

/// The judgement of one SQLSTATE.
struct Judgement
{
    Meaning meaning = Meaning::permanent;
    const char* advice = ""; ///< what happened and what to do, for people
};

Judgement judge(std::string_view sqlState);

/// The server answered a transaction with an error: nothing of it took effect, and the session can be used again.
class Refusal : public std::runtime_error
{
public:
    explicit Refusal(const std::string& sqlState);

    const std::string& sqlState() const noexcept { return _sqlState; }
    Meaning meaning() const noexcept { return judge(_sqlState).meaning; }
    /// The content of one step may be the cause, so that the others of its transaction may succeed alone.
    bool mayConcernOneStep() const noexcept;

private:
    std::string _sqlState;
};

/// "SQLSTATE 55P03: another session ...". Neither this nor any message shows the server's own text: it can contain values of a row.
std::string describe(std::string_view sqlState);

/// The SQLSTATE in libpq's text of a connection that the server refused; empty: it has none.
std::string sqlStateOf(std::string_view connectionError);

} // namespace Leasehold::PostgreSQL
