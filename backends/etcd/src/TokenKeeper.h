#pragma once

#include "Leasehold/Store/CallContext.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace Leasehold::Etcd
{

/// The token of a user, which ends when it was not used for a while or its server was restarted. However many threads need a new one, one
/// of them logs in, because a server takes 100 ms and more to check a password. Thread-safe.
class TokenKeeper
{
public:
    /// Logs in. Returns the token; empty: the servers need none.
    using LogIn = std::function<std::string(const CallContext&)>;

    explicit TokenKeeper(LogIn logIn) : _logIn(std::move(logIn)) {}

    /// The present token. The first call logs in. Throws what `LogIn` throws, and LockStoreUnavailable if the deadline or the cancellation
    /// comes while another thread logs in.
    std::string token(const CallContext& context);

    /// The servers refused this token. The next call of `token` logs in, unless another thread did so already.
    void refused(const std::string& token);

    /// The token that was used last; empty: none.
    std::string present() const;

private:
    const LogIn _logIn;
    mutable std::mutex _mutex; // guards the members below
    std::condition_variable_any _loggedIn;
    std::optional<std::string> _token;
    bool _logsIn = false;
};

} // namespace Leasehold::Etcd
