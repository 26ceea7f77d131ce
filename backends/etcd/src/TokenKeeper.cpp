#include "TokenKeeper.h"

#include "Leasehold/Exceptions.h"

namespace Leasehold::Etcd
{

std::string TokenKeeper::token(const CallContext& context)
{
    std::unique_lock lock(_mutex);
    if (!_loggedIn.wait_for(lock, context.cancel(), context.timeLeft(), [this] { return !_logsIn; }))
        throw LockStoreUnavailable("the call ended while another thread was logging in");
    if (_token)
        return *_token;

    _logsIn = true;
    lock.unlock();
    std::optional<std::string> token;
    const auto end = [&]
    {
        lock.lock();
        _logsIn = false;
        _token = token;
        _loggedIn.notify_all();
    };
    try
    {
        token = _logIn(context);
    }
    catch (...)
    {
        end();
        throw;
    }
    end();
    return *token;
}

void TokenKeeper::refused(const std::string& token)
{
    const std::lock_guard lock(_mutex);
    if (_token == token)
        _token.reset();
}

std::string TokenKeeper::present() const
{
    const std::lock_guard lock(_mutex);
    return _token.value_or(std::string());
}

} // namespace Leasehold::Etcd
