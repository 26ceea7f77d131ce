#pragma once

#include "LockCalls.h"
#include "ServerAddress.h"
#include "Session.h"

#include "net/HostResolver.h"
#include "net/NodeChoice.h"

#include "Leasehold/PostgreSQLLockStore.h"
#include "Leasehold/Store/CallContext.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace Leasehold::PostgreSQL
{

/// Throws Net::CallFailure (not sent), permanent or not, if the store cannot use a session in this state.
void requireUsable(const SessionState& state, PostgreSQLPooler pooler);

/// The sessions of one store: connects to the server that may write, keeps idle sessions, and goes to another server when one fails.
/// Thread-safe.
class SessionPool
{
public:
    /// `calls` must outlive the pool.
    SessionPool(PostgreSQLOptions options, const LockCalls& calls);

    /// A session for the time of a call. It goes back to the pool if it can be used again.
    class Lease
    {
    public:
        Lease(SessionPool& pool, std::unique_ptr<Session> session, std::size_t server) :
            _pool(&pool), _session(std::move(session)), _server(server)
        {
        }
        Lease(Lease&&) = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease();

        Session& operator*() const { return *_session; }
        /// Carries out the calls, with the settings that a pooler's session needs, see Session::run. A statement that is not prepared any
        /// more is sent again without preparing: nothing of the first transaction took effect.
        std::vector<Answer> run(std::vector<Call> calls, const CallContext& context);
        /// This server cannot serve: the next session is one of another server.
        void reportFailed(const std::string& why);

    private:
        SessionPool* _pool;
        std::unique_ptr<Session> _session;
        std::size_t _server;
    };

    /// An idle session, or a new one. Throws Net::CallFailure (not sent).
    Lease take(const CallContext& context);
    /// A new session, for a listener, which must abandon it at its end.
    Lease connect(const CallContext& context);

    /// All servers, for messages.
    const std::string& addresses() const { return _servers.addresses(); }
    /// See Net::NodeChoice::troubles.
    std::string troubles() const { return _servers.troubles(); }
    /// The server that was connected to last flushes what it commits.
    bool isDurable() const { return _flushes; }

private:
    struct Idle
    {
        std::unique_ptr<Session> session{};
        std::size_t server = 0;
    };

    std::unique_ptr<Session> connectTo(std::size_t server, const CallContext& context);
    std::unique_ptr<Session> connectToAddress(const ServerAddress& server, const CallContext& context);
    void admit(Session& session, const CallContext& context);
    void giveBack(std::unique_ptr<Session> session, std::size_t server);

    const PostgreSQLOptions _options;
    const LockCalls& _calls;
    const std::vector<ServerAddress> _addresses;
    Net::HostResolver _resolver;
    Net::NodeChoice _servers;
    std::atomic<bool> _flushes{true};
    std::atomic<bool> _commitsAsynchronously{false}; // the default of the sessions, which must be overruled
    std::mutex _mutex;                               // guards _idle
    std::vector<Idle> _idle;
};

} // namespace Leasehold::PostgreSQL
