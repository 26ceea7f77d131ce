#pragma once

#include "Command.h"
#include "Reply.h"
#include "ServerAddress.h"
#include "ServerIdentity.h"

#include "net/Connection.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold::Net
{
class HostResolver;
} // namespace Leasehold::Net

namespace Leasehold::Redis
{

/// How to log in to a server.
struct Login
{
    std::string user{};     ///< empty: the default user
    std::string password{}; ///< empty: no log-in
    int database = 0;
};

/// One connection to a server. Used by one thread at a time.
///
/// After a Net::CallFailure it must be destroyed: a late reply would be read as that of the next command.
class Session
{
public:
    /// Does not connect. `tls` nullptr: plain; it must outlive the session.
    Session(ServerAddress address, const Net::TlsSettings* tls);

    void connect(Net::HostResolver& resolver, const CallContext& context);

    /// Logs in and learns what the server is. Throws LockStoreError if it is not usable or refuses, and Net::CallFailure (not sent).
    void greet(const Login& login, const CallContext& context);

    /// After greet: loads the scripts and checks the schema of the keys. Returns the node that has them, if this one of a cluster does not.
    /// Throws as greet does.
    std::optional<ServerAddress> openLocks(const std::string& eraKey, const CallContext& context);

    /// Sends the commands in one write and returns their replies. Throws Net::CallFailure.
    std::vector<Reply> exchange(const Commands& commands, const CallContext& context);

    /// Sends commands whose replies come by receive.
    void send(const Commands& commands, const CallContext& context);
    /// The next reply. Throws Net::CallFailure.
    Reply receive(const CallContext& context);
    /// After receive failed: only because of its deadline or cancellation, so it may be called again.
    bool mayGoOn() const noexcept { return _connection.timedOut() || _connection.wasCancelled(); }

    bool isStale() const { return _connection.isStale(); }
    const ServerAddress& address() const noexcept { return _address; }

    /// What the server is, after greet.
    const ServerIdentity& identity() const noexcept { return _identity; }

    /// The tag of the era, as this server process gave it to this connection; empty: not asked yet. It must not come from another
    /// connection: that would hide a change of the server.
    std::string tag{};
    /// When the session was put into the pool.
    std::chrono::steady_clock::time_point idleSince{};

private:
    void requireNoError(const Reply& reply, const char* command) const;

    const ServerAddress _address;
    Net::Connection _connection;
    ReplyReader _reader;
    ServerIdentity _identity{};
};

} // namespace Leasehold::Redis
