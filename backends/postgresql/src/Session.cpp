#include "Session.h"

#include "ServerTrouble.h"
#include "net/CallFailure.h"

#include "Leasehold/printable.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stop_token>

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace Leasehold::PostgreSQL
{

using Net::CallFailure;
using Outcome = Net::CallFailure::Outcome;

namespace
{

// poll does not count the time that the machine is suspended, and the clock of the call does.
constexpr Milliseconds longestWait{1000};

int makeInterrupt()
{
    const int made = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made < 0)
        throw CallFailure(Outcome::notSent, std::string("no descriptor is left: ") + std::strerror(errno));
    return made;
}

std::string sqlStateOf(const PGresult* result)
{
    const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state != nullptr ? state : "";
}

/// A problem of the certificates, their keys or the TLS settings, and not a lost connection.
bool concernsTls(const std::string& text)
{
    const auto has = [&text](const char* part) { return text.find(part) != std::string::npos; };
    return has("certificate") || has("private key") ||
           (has("SSL") && !has("SYSCALL") && !has("closed unexpectedly") && !has("reset by peer"));
}

/// libpq's text without the address, which the store's messages have. "connection to server at "h" (1.2.3.4), port 5 failed: WHY".
std::string withoutAddress(const std::string& text)
{
    const std::string before = " failed: ";
    const auto at = text.find(before);
    return text.starts_with("connection to server") && at != std::string::npos ? text.substr(at + before.size()) : text;
}

/// In a connection string an empty value counts as set, unlike in PQconnectStartParams.
std::string connectionString(const std::map<std::string, std::string>& parameters)
{
    std::string text;
    for (const auto& [key, value] : parameters)
    {
        text += key + "='";
        for (const char c : value)
            text += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string{c};
        text += "' ";
    }
    return text;
}

} // namespace

/// One transaction on its way.
struct Session::Exchange
{
    std::vector<std::string> prepares{}; // for each result that must come: the statement that it prepares; empty: it is of a call
    std::vector<Answer> answers{};
    std::size_t received = 0;
    std::optional<std::string> refusal{}; // the first SQLSTATE
};

std::size_t Answer::rows() const
{
    return static_cast<std::size_t>(PQntuples(_result.get()));
}

Row Answer::row(std::size_t index) const
{
    if (index >= rows())
        throw MalformedRow("a row is missing");
    const int row = static_cast<int>(index);
    std::vector<Row::Field> fields;
    for (int column = 0; column < PQnfields(_result.get()); ++column)
    {
        if (PQgetisnull(_result.get(), row, column) != 0)
            fields.emplace_back();
        else
            fields.emplace_back(std::string_view(PQgetvalue(_result.get(), row, column),
                                                 static_cast<std::size_t>(PQgetlength(_result.get(), row, column))));
    }
    return Row(std::move(fields));
}

void Session::Closer::operator()(PGconn* connection) const
{
    PQfinish(connection);
}

void noteNotice(void* session, const PGresult* notice)
{
    const char* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity != nullptr && std::strcmp(severity, "WARNING") == 0)
        static_cast<Session*>(session)->_warning = sqlStateOf(notice);
}

Session::Session(const std::map<std::string, std::string>& parameters, const CallContext& context) : _interrupt(makeInterrupt())
{
    try
    {
        _connection.reset(PQconnectStart(connectionString(parameters).c_str()));
        connect(context);
    }
    catch (const std::exception&)
    {
        _connection.reset();
        ::close(_interrupt);
        throw;
    }
}

Session::~Session()
{
    _connection.reset();
    ::close(_interrupt);
}

void Session::connect(const CallContext& context)
{
    if (!_connection)
        throw CallFailure(Outcome::notSent, "no memory is left for a connection");
    auto* const connection = _connection.get();
    if (PQstatus(connection) == CONNECTION_BAD)
        failConnecting();
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE); // it puts the SQLSTATE into the text
    PQsetNoticeReceiver(connection, noteNotice, this);
    const std::stop_callback whenCancelled(context.cancel(), [this] { ::eventfd_write(_interrupt, 1); });
    for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(connection))
    {
        if (state == PGRES_POLLING_FAILED)
            failConnecting();
        await(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, context, false);
    }
    if (PQsetnonblocking(connection, 1) != 0 || PQenterPipelineMode(connection) != 1)
        failConnecting();
}

void Session::failConnecting()
{
    const auto text = lastError();
    if (const auto state = PostgreSQL::sqlStateOf(std::string_view(text)); !state.empty())
    {
        // A missing object at this point is a setting that the server does not know.
        const auto meaning = judge(state).meaning;
        const bool permanent = meaning == Meaning::permanent || meaning == Meaning::schemaMissing;
        throw CallFailure(Outcome::notSent, "cannot connect: " + describe(state), permanent);
    }
    if (PQconnectionNeedsPassword(_connection.get()) == 1)
        throw CallFailure(Outcome::notSent,
                          "cannot connect: the server asks for a password: set the key password, or passfile to a file with a line for "
                          "this user that only its owner may read",
                          true);
    const bool isTls = concernsTls(text);
    throw CallFailure(Outcome::notSent,
                      "cannot connect: " + printable(withoutAddress(text.substr(0, text.find('\n')))) +
                          (isTls ? "; see sslmode and the other keys of TLS" : ""),
                      isTls);
}

std::string Session::lastError() const
{
    return PQerrorMessage(_connection.get());
}

void Session::failLost()
{
    throw CallFailure(Outcome::unknown, "the connection was lost before the answer was whole");
}

void Session::await(short events, const CallContext& context, bool maybeSent)
{
    if (const auto why = whyNotReady(events, context))
        throw CallFailure(maybeSent ? Outcome::unknown : Outcome::notSent, *why);
}

/// Waits for the socket. nullopt: it is ready.
std::optional<std::string> Session::whyNotReady(short events, const CallContext& context) const
{
    for (;;)
    {
        const auto left = context.timeLeft();
        if (left.count() <= 0)
            return "no answer in time";
        pollfd waited[2] = {{PQsocket(_connection.get()), events, 0}, {_interrupt, POLLIN, 0}};
        const int ready = ::poll(waited, 2, static_cast<int>(std::min(left, longestWait).count()));
        if (waited[1].revents != 0 && ready > 0)
            return "the call was cancelled";
        if (ready > 0)
            return std::nullopt;
        if (ready < 0 && errno != EINTR)
            return std::string("cannot wait: ") + std::strerror(errno);
    }
}

std::vector<Answer> Session::run(std::span<const Call> calls, const CallContext& context)
{
    // Until its end the session is between two messages, and must not be used again.
    _usable = false;
    _warning.clear();
    eventfd_t before = 0;
    ::eventfd_read(_interrupt, &before);
    const std::stop_callback whenCancelled(context.cancel(), [this] { ::eventfd_write(_interrupt, 1); });
    if (context.cancel().stop_requested() || context.timeLeft().count() <= 0)
    {
        _usable = true;
        throw CallFailure(Outcome::notSent, context.cancel().stop_requested() ? "the call was cancelled" : "no time was left");
    }
    Exchange exchange;
    for (const auto& call : calls)
        send(call, exchange);
    if (PQpipelineSync(_connection.get()) != 1)
        throw CallFailure(Outcome::notSent, "cannot send: the connection is lost");
    flush(context);
    while (auto result = next(context))
        note(exchange, std::move(result));
    if (exchange.refusal)
    {
        _usable = true;
        throw Refusal(*exchange.refusal);
    }
    if (exchange.received != exchange.prepares.size())
        failLost();
    _usable = true;
    if (!_warning.empty())
        throw CallFailure(Outcome::unknown, "the server warned with SQLSTATE " + printable(_warning) +
                                                ": a standby may not have the transaction, or an operator interrupted it");
    return std::move(exchange.answers);
}

void Session::send(const Call& call, Exchange& exchange)
{
    auto* const connection = _connection.get();
    const auto& statement = *call.statement;
    const auto values = call.parameters.values();
    const auto lengths = call.parameters.lengths();
    const std::vector<int> binary(values.size(), 1);
    std::vector<Oid> types;
    for (const auto type : statement.types)
        types.push_back(static_cast<Oid>(type));
    const int count = call.parameters.count();
    bool sent = true;
    const auto& prepares = exchange.prepares;
    if (_prepares && !_prepared.contains(statement.name) && std::find(prepares.begin(), prepares.end(), statement.name) == prepares.end())
    {
        sent = PQsendPrepare(connection, statement.name.c_str(), statement.text.c_str(), count, types.data()) == 1;
        exchange.prepares.push_back(statement.name);
    }
    if (_prepares)
        sent = sent && PQsendQueryPrepared(connection, statement.name.c_str(), count, values.data(), lengths.data(), binary.data(), 1) == 1;
    else
        sent = PQsendQueryParams(connection, statement.text.c_str(), count, types.data(), values.data(), lengths.data(), binary.data(),
                                 1) == 1;
    exchange.prepares.emplace_back();
    if (!sent)
        throw CallFailure(Outcome::notSent, "cannot send: the connection is lost");
}

/// The Sync is last: while it is still here, the server commits nothing.
void Session::flush(const CallContext& context)
{
    auto* const connection = _connection.get();
    for (int left = PQflush(connection); left != 0; left = PQflush(connection))
    {
        if (left < 0)
            failLost();
        await(POLLIN | POLLOUT, context, false);
        if (PQconsumeInput(connection) != 1)
            failLost();
    }
}

/// The next result; nullptr: the transaction has ended.
std::shared_ptr<PGresult> Session::next(const CallContext& context)
{
    auto* const connection = _connection.get();
    for (int gaps = 0; gaps < 2;)
    {
        while (PQisBusy(connection) == 1)
        {
            await(POLLIN, context, true);
            if (PQconsumeInput(connection) != 1)
                failLost();
        }
        std::shared_ptr<PGresult> result(PQgetResult(connection), PQclear);
        if (PQstatus(connection) == CONNECTION_BAD)
            failLost();
        if (!result)
            ++gaps; // one stands between the results of two calls
        else
            return PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC ? nullptr : result;
    }
    failLost();
}

void Session::note(Exchange& exchange, std::shared_ptr<PGresult> result)
{
    switch (PQresultStatus(result.get()))
    {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        if (exchange.received >= exchange.prepares.size())
            failLost();
        // It stays prepared, even if the transaction fails.
        if (const auto& prepared = exchange.prepares[exchange.received++]; !prepared.empty())
            _prepared.insert(prepared);
        else
            exchange.answers.emplace_back(std::move(result));
        break;
    case PGRES_PIPELINE_ABORTED:
        ++exchange.received;
        break;
    default:
        if (!exchange.refusal)
            exchange.refusal = sqlStateOf(result.get());
        ++exchange.received;
        break;
    }
}

void Session::runScript(const std::string& text, const CallContext& context)
{
    _usable = false;
    auto* const connection = _connection.get();
    eventfd_t before = 0;
    ::eventfd_read(_interrupt, &before);
    const std::stop_callback whenCancelled(context.cancel(), [this] { ::eventfd_write(_interrupt, 1); });
    if (PQexitPipelineMode(connection) != 1 || PQsendQuery(connection, text.c_str()) != 1)
        throw CallFailure(Outcome::notSent, "cannot send: the connection is lost");
    flush(context);
    std::optional<std::string> refusal;
    for (;;)
    {
        while (PQisBusy(connection) == 1)
        {
            await(POLLIN, context, true);
            if (PQconsumeInput(connection) != 1)
                failLost();
        }
        const std::shared_ptr<PGresult> result(PQgetResult(connection), PQclear);
        if (PQstatus(connection) == CONNECTION_BAD)
            failLost();
        if (!result)
            break;
        const auto status = PQresultStatus(result.get());
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !refusal)
            refusal = sqlStateOf(result.get());
    }
    if (PQenterPipelineMode(connection) != 1)
        failLost();
    _usable = true;
    if (refusal)
        throw Refusal(*refusal);
}

bool Session::isStale()
{
    pollfd waited{PQsocket(_connection.get()), POLLIN, 0};
    if (!_usable || PQstatus(_connection.get()) != CONNECTION_OK)
        return true;
    if (::poll(&waited, 1, 0) == 0)
        return false;
    // Parameters of the server may have changed. After the end of a connection it can be read for ever.
    return PQconsumeInput(_connection.get()) != 1 || ::poll(&waited, 1, 0) != 0;
}

std::string Session::serverVersion() const
{
    const char* const version = PQparameterStatus(_connection.get(), "server_version");
    return version != nullptr ? printable(version) : std::string();
}

std::vector<std::string> Session::notifications(const CallContext& context)
{
    eventfd_t before = 0;
    ::eventfd_read(_interrupt, &before);
    const std::stop_callback whenCancelled(context.cancel(), [this] { ::eventfd_write(_interrupt, 1); });
    auto payloads = receivedNotifications(); // some may have come with another answer
    if (payloads.empty() && !whyNotReady(POLLIN, context))
    {
        if (PQconsumeInput(_connection.get()) != 1)
            failLost();
        payloads = receivedNotifications();
    }
    if (PQstatus(_connection.get()) != CONNECTION_OK)
        failLost();
    return payloads;
}

std::vector<std::string> Session::receivedNotifications()
{
    std::vector<std::string> payloads;
    while (const std::shared_ptr<PGnotify> notification{PQnotifies(_connection.get()), PQfreemem})
        payloads.emplace_back(notification->extra);
    return payloads;
}

} // namespace Leasehold::PostgreSQL
