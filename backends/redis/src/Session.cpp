#include "Session.h"

#include "LockScripts.h"
#include "ServerTrouble.h"

#include "net/CallFailure.h"
#include "net/HostResolver.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/printable.h"

#include <array>

namespace Leasehold::Redis
{
namespace
{

using Outcome = Net::CallFailure::Outcome;

} // namespace

Session::Session(ServerAddress address, const Net::TlsSettings* tls) : _address(std::move(address)), _connection(tls, _address.host) {}

void Session::connect(Net::HostResolver& resolver, const CallContext& context)
{
    if (_address.host.empty())
    {
        _connection.connect({Net::Connection::unixAddress(_address.path, "nodes")}, context);
        return;
    }
    try
    {
        _connection.connect(resolver.resolve(_address.host, _address.port, context), context);
    }
    catch (const Net::CallFailure&)
    {
        resolver.forget(_address.host);
        throw;
    }
    resolver.prefer(_address.host, _connection.peer().host());
}

void Session::greet(const Login& login, const CallContext& context)
{
    Commands commands;
    const std::string user = login.user.empty() ? "default" : login.user;
    if (login.password.empty())
        commands.add({"HELLO", "2", "SETNAME", "leasehold"});
    else
        commands.add({"HELLO", "2", "AUTH", user, login.password, "SETNAME", "leasehold"});
    if (login.database != 0)
        commands.add({"SELECT", std::to_string(login.database)});
    try
    {
        send(commands, context);
        const auto hello = receive(context);
        requireNoError(hello, "HELLO");
        _identity = ServerIdentity::of(hello, _address.text());
        if (login.database != 0)
            requireNoError(receive(context), "SELECT");
    }
    catch (const Net::CallFailure& failure)
    {
        // The log-in is not the caller's request.
        throw Net::CallFailure(Outcome::notSent, failure.what(), failure.isPermanent());
    }
}

std::optional<ServerAddress> Session::openLocks(const std::string& eraKey, const CallContext& context)
{
    Commands commands;
    addScripts(commands);
    const auto scripts = commands.names.size();
    commands.add({"HGET", eraKey, "schema"});
    try
    {
        send(commands, context);
        for (std::size_t script = 0; script < scripts; ++script)
            requireNoError(receive(context), "SCRIPT LOAD");
        const auto schema = receive(context);
        if (schema.type == Reply::Type::error)
        {
            auto trouble = troubleOf(schema.text);
            if (trouble.meaning == Meaning::moved)
            {
                if (trouble.address->host.empty())
                    trouble.address->host = _address.host;
                return trouble.address;
            }
            requireNoError(schema, "HGET");
        }
        if (numberAtStart(schema.text) > schemaVersion)
            throw LockStoreError(_address.text() + ": the key " + eraKey + " was written by a newer version of Leasehold (schema " +
                                 printable(schema.text) + ", this one knows " + std::to_string(schemaVersion) + "): update this program");
    }
    catch (const Net::CallFailure& failure)
    {
        throw Net::CallFailure(Outcome::notSent, failure.what(), failure.isPermanent());
    }
    return std::nullopt;
}

std::vector<Reply> Session::exchange(const Commands& commands, const CallContext& context)
{
    send(commands, context);
    std::vector<Reply> replies;
    replies.reserve(commands.names.size());
    while (replies.size() < commands.names.size())
        replies.push_back(receive(context));
    return replies;
}

void Session::send(const Commands& commands, const CallContext& context)
{
    _connection.sendAll(commands.bytes, context);
}

Reply Session::receive(const CallContext& context)
{
    try
    {
        for (;;)
        {
            if (auto reply = _reader.next())
                return std::move(*reply);
            std::array<char, 16384> buffer;
            _reader.feed({buffer.data(), _connection.receiveSome(buffer, context)});
        }
    }
    catch (const NotTheProtocol& problem)
    {
        throw Net::CallFailure(Outcome::unknown, problem.what());
    }
}

/// Throws for an error reply to a command of the log-in.
void Session::requireNoError(const Reply& reply, const char* command) const
{
    if (reply.type != Reply::Type::error)
        return;
    const auto trouble = troubleOf(reply.text);
    const std::string what = std::string("it refuses ") + command + ": " + trouble.why;
    if (trouble.isUnavailable())
        throw Net::CallFailure(Outcome::notSent, what);
    throw LockStoreError(_address.text() + ": " + what);
}

} // namespace Leasehold::Redis
