#pragma once

#include "LockScripts.h"
#include "PrimaryFinder.h"
#include "ServerTrouble.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/RedisLockStore.h"
#include "Leasehold/Store/VanishedStorageGuard.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace Leasehold::Redis
{

/// The memory of the server is full, so nothing of the request was carried out.
class MemoryFull : public LockStoreUnavailable
{
public:
    using LockStoreUnavailable::LockStoreUnavailable;
};

/// A script ended in the middle: a key is damaged. Earlier steps of the same request were carried out.
class ScriptFailed : public LockStoreError
{
public:
    using LockStoreError::LockStoreError;
};

/// The user lacks a right.
class MissingRight : public LockStoreError
{
public:
    using LockStoreError::LockStoreError;
};

/// The server that has the locks: the sessions with it, the era of its data, and the requests that are sent again because nothing of them
/// was carried out. Thread-safe.
class LockServer
{
public:
    /// Does not connect. Throws LockConfigurationError for options that cannot be used.
    explicit LockServer(RedisOptions options);

    /// Makes the commands for a session. The reply to the first one is checked for the end of the era.
    using Compose = std::function<Commands(const Session&)>;

    /// Sends the commands, and returns their replies without an error among them. If the server has flushed its scripts, another node has
    /// the slot, or the era has ended, nothing was carried out: then it repairs that and sends them once more. Throws
    /// LockStoreUnavailable, LockStoreError and their classes above, and Net::CallFailure if no answer came.
    std::vector<Reply> ask(const Compose& compose, const CallContext& context);
    /// The same for commands that change locks: the session has a tag.
    std::vector<Reply> askInEra(const Compose& compose, const CallContext& context);

    /// A session of its own for a feed. Throws as ask does.
    std::unique_ptr<Session> openSession(const CallContext& context);

    /// False: another server was found to be the primary since.
    bool isPrimary(const ServerAddress& address) const { return _finder.isLast(address); }

    /// The replicas that must confirm a change.
    unsigned replicasOf(const Session& session) const;
    /// How a release is published there.
    static const char* publishingCommand(const Session& session) { return session.identity().isCluster() ? "SPUBLISH" : "PUBLISH"; }

    /// The TTL of a lease that may exist: if the data is lost, the storage must learn the longest one.
    void noteTtl(Milliseconds ttl) { _eras.noteTtl(ttl); }

    const RedisOptions& options() const noexcept { return _options; }
    const Keys& keys() const noexcept { return _keys; }
    /// The nodes of the configuration, for messages.
    const std::string& addresses() const noexcept { return _finder.addresses(); }
    /// For messages: "redis store cache-1:6379".
    const std::string& place() const noexcept { return _place; }

private:
    struct Refusal;

    /// What an attempt needs besides the caller's commands.
    struct Needs
    {
        bool era = false;
        bool scripts = false; ///< the server has flushed them
    };
    std::vector<Reply> attempt(Session& session, Needs needs, const Compose& compose, const CallContext& context);
    std::vector<Reply> askUntilDone(bool inEra, const Compose& compose, const CallContext& context);
    bool mayRepeat(std::unique_ptr<Session> session, const Refusal& refusal);
    void openEra(Session& session, const Reply& reply);
    Commands eraCommand() const;
    std::unique_ptr<Session> borrow(const CallContext& context);
    void giveBack(std::unique_ptr<Session> session);
    void closeIdle();

    const RedisOptions _options;
    const Keys _keys;
    const std::string _place;
    PrimaryFinder _finder;
    VanishedStorageGuard _eras; // the identity is the id of the era
    std::mutex _mutex;
    std::vector<std::unique_ptr<Session>> _idle;
};

} // namespace Leasehold::Redis
