#pragma once

#include "Parameters.h"
#include "Row.h"
#include "typeNumbers.h"

#include "Leasehold/Store/CallContext.h"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

using PGconn = struct pg_conn;
using PGresult = struct pg_result;

namespace Leasehold::PostgreSQL
{

/// A statement of the store; its name is that of the prepared one.
struct Statement
{
    std::string name{};
    std::string text{};
    std::vector<TypeNumber> types{};
};

/// A statement with its parameters. The statement must outlive it.
struct Call
{
    const Statement* statement = nullptr;
    Parameters parameters{};
};

/// The rows of one call.
class Answer
{
public:
    explicit Answer(std::shared_ptr<PGresult> result) : _result(std::move(result)) {}

    std::size_t rows() const;
    /// Valid as long as the answer. Throws MalformedRow if there are fewer rows.
    Row row(std::size_t index) const;

private:
    std::shared_ptr<PGresult> _result;
};

/// One connection to a server by libpq's non-blocking functions. Each step ends at the deadline of its call, and when the call is
/// cancelled. Used by one thread at a time. Throws Net::CallFailure without an answer, and Refusal if the server answers an error.
class Session
{
public:
    /// Connects. Every failure is one of "not sent"; it is permanent if an operator must repair something.
    Session(const std::map<std::string, std::string>& parameters, const CallContext& context);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Carries out the calls in one transaction, and returns an answer for each. It returns only after the server has said that the
    /// transaction is committed. A warning of the server is "unknown": the standbys may not have the transaction.
    std::vector<Answer> run(std::span<const Call> calls, const CallContext& context);
    /// Runs a text of several statements without results.
    void runScript(const std::string& text, const CallContext& context);

    /// From now on no statement is prepared.
    void stopPreparing() { _prepares = false; }
    /// The session must not be used again.
    void abandon() noexcept { _usable = false; }
    bool isUsable() const noexcept { return _usable; }
    /// The server has closed the idle connection, or it cannot be used for another reason.
    bool isStale();

    /// "15.18", as the server says it.
    std::string serverVersion() const;
    /// Waits for notifications, and returns the payloads of those that came. Empty: the deadline or the cancellation came first.
    std::vector<std::string> notifications(const CallContext& context);

private:
    struct Closer
    {
        void operator()(PGconn* connection) const;
    };
    struct Exchange;

    void connect(const CallContext& context);
    void send(const Call& call, Exchange& exchange);
    void flush(const CallContext& context);
    std::shared_ptr<PGresult> next(const CallContext& context);
    void await(short events, const CallContext& context, bool maybeSent);
    std::optional<std::string> whyNotReady(short events, const CallContext& context) const;
    std::vector<std::string> receivedNotifications();
    void note(Exchange& exchange, std::shared_ptr<PGresult> result);
    [[noreturn]] void failConnecting();
    [[noreturn]] void failLost();
    std::string lastError() const;

    const int _interrupt; // an eventfd
    std::unique_ptr<PGconn, Closer> _connection;
    std::set<std::string> _prepared;
    std::string _warning; // the SQLSTATE of a warning during the present call
    bool _prepares = true;
    bool _usable = true;

    friend void noteNotice(void* session, const PGresult* notice);
};

} // namespace Leasehold::PostgreSQL
