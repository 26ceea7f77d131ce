#pragma once

#include "Session.h"

#include "net/HostResolver.h"
#include "net/NodeChoice.h"
#include "net/TlsSettings.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{
struct RedisOptions;
} // namespace Leasehold

namespace Leasehold::Redis
{

/// Finds the server that has the locks: the node of the configuration that is a primary, the node of the cluster that has the slot, or the
/// primary that the sentinels name. Thread-safe.
class PrimaryFinder
{
public:
    /// Throws LockConfigurationError for options that cannot be used.
    PrimaryFinder(const RedisOptions& options, std::string eraKey);

    /// A new session with the primary, with the scripts loaded. Throws Net::CallFailure (not sent) that tells what happened to each node,
    /// and LockStoreError if a server refuses for good.
    std::unique_ptr<Session> connect(const CallContext& context);

    /// A node of the cluster has named the node that has the slot now.
    void follow(const ServerAddress& address);
    /// The server was found to be a replica, or does not answer: the next connect must not prefer it.
    void leave(const ServerAddress& address);

    /// Whether the last session was opened with this server.
    bool isLast(const ServerAddress& address) const;

    /// The nodes of the configuration, for messages.
    const std::string& addresses() const noexcept { return _choice.addresses(); }

private:
    class Attempt;

    std::unique_ptr<Session> greeted(const ServerAddress& address, const Login& login, const CallContext& context);
    std::unique_ptr<Session> openPrimary(ServerAddress address, const CallContext& context);
    ServerAddress askSentinel(const ServerAddress& sentinel, const CallContext& context);
    std::optional<ServerAddress> preferred() const;

    const std::vector<ServerAddress> _nodes; // of the servers, or of the sentinels
    const std::string _primaryName;          // which the sentinels watch; empty: there are none
    const Login _login, _sentinelLogin;
    const std::string _eraKey;
    std::optional<Net::TlsSettings> _tls;
    Net::HostResolver _resolver;
    Net::NodeChoice _choice;
    mutable std::mutex _mutex;
    std::optional<ServerAddress> _last;
    std::optional<ServerAddress> _slotOwner; // in a cluster, as its nodes have told
};

} // namespace Leasehold::Redis
