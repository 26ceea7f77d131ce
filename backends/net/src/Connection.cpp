#include "net/Connection.h"

#include "DeadlineSocketImpl.h"
#include "describe.h"

#include "net/CallFailure.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/printable.h"

#include <Poco/Exception.h>

#include <stop_token>

#include <sys/un.h>

namespace Leasehold::Net
{

namespace
{

using Outcome = CallFailure::Outcome;

std::string placeOf(const Poco::Net::SocketAddress& address)
{
    return address.family() == Poco::Net::SocketAddress::UNIX_LOCAL ? address.toString() : address.host().toString();
}

} // namespace

struct Connection::Socket : Poco::Net::StreamSocket
{
    explicit Socket(DeadlineSocketImpl* impl) : StreamSocket(impl) {}
};

Connection::Connection(const TlsSettings* tls, const std::string& host) : _impl(new DeadlineSocketImpl(tls, host)), _socket(Socket(_impl))
{
}

Connection::~Connection() = default;

Poco::Net::SocketAddress Connection::unixAddress(const std::string& path, const std::string& key)
{
    constexpr std::size_t maxLength = sizeof(sockaddr_un::sun_path) - 1;
    if (path.empty() || path.size() > maxLength || path.find('\0') != std::string::npos)
        throw LockConfigurationError(key + " = \"" + printable(path) + "\" cannot be used: allowed is the path of a unix socket, of 1 to " +
                                     std::to_string(maxLength) + " bytes");
    return {Poco::Net::SocketAddress::UNIX_LOCAL, path};
}

void Connection::connect(const std::vector<Poco::Net::SocketAddress>& addresses, const CallContext& context)
{
    const std::stop_callback whenCancelled(context.cancel(), [this] { _impl->interrupt(); });
    std::string trouble;
    bool permanent = true;
    for (std::size_t tried = 0; tried < addresses.size() && context.timeLeft().count() > 0; ++tried)
    {
        begin(context.shortened(context.timeLeft() / static_cast<int>(addresses.size() - tried)));
        std::string why;
        try
        {
            _impl->connect(addresses[tried]);
            _peer = addresses[tried];
            return;
        }
        catch (const CallFailure& failure)
        {
            permanent = permanent && failure.isPermanent();
            why = failure.what();
        }
        catch (const Poco::Exception& problem)
        {
            permanent = false;
            why = ending(describe(problem));
        }
        if (_impl->ended() == DeadlineSocketImpl::Ended::cancelled)
            throw CallFailure(Outcome::notSent, "cannot connect: " + why);
        trouble += (trouble.empty() ? "" : ", ") + (addresses.size() == 1 ? why : placeOf(addresses[tried]) + ": " + why);
    }
    if (trouble.empty())
        throw CallFailure(Outcome::notSent, "cannot connect: no time was left");
    throw CallFailure(Outcome::notSent, "cannot connect: " + trouble, permanent);
}

void Connection::sendAll(std::string_view bytes, const CallContext& context)
{
    const std::stop_callback whenCancelled(context.cancel(), [this] { _impl->interrupt(); });
    begin(context);
    try
    {
        _impl->sendBytes(bytes.data(), static_cast<int>(bytes.size()));
    }
    catch (const Poco::Exception& problem)
    {
        throw CallFailure(_impl->sent() == 0 ? Outcome::notSent : Outcome::unknown, ending("cannot send: " + describe(problem)));
    }
}

std::size_t Connection::receiveSome(std::span<char> into, const CallContext& context)
{
    const std::stop_callback whenCancelled(context.cancel(), [this] { _impl->interrupt(); });
    _impl->arm(context);
    try
    {
        if (const int got = _impl->receiveBytes(into.data(), static_cast<int>(into.size())); got > 0)
            return static_cast<std::size_t>(got);
    }
    catch (const Poco::Exception& problem)
    {
        throw CallFailure(Outcome::unknown, ending("no answer: " + describe(problem)));
    }
    throw CallFailure(Outcome::unknown, ending("no answer"));
}

bool Connection::timedOut() const noexcept
{
    return _impl->ended() == DeadlineSocketImpl::Ended::deadline;
}

bool Connection::wasCancelled() const noexcept
{
    return _impl->ended() == DeadlineSocketImpl::Ended::cancelled;
}

bool Connection::isStale() const
{
    return _impl->isStale();
}

/// Of a step before which the server has seen nothing of the call.
void Connection::begin(const CallContext& context)
{
    _impl->arm(context);
    if (context.cancel().stop_requested())
        throw CallFailure(Outcome::notSent, "the call was cancelled");
}

std::string Connection::ending(const std::string& otherwise) const
{
    switch (_impl->ended())
    {
    case DeadlineSocketImpl::Ended::deadline:
        return "no answer in time";
    case DeadlineSocketImpl::Ended::cancelled:
        return "the call was cancelled";
    case DeadlineSocketImpl::Ended::closedByPeer:
        return "the connection was closed before the answer was whole";
    case DeadlineSocketImpl::Ended::no:
        break;
    }
    return otherwise;
}

} // namespace Leasehold::Net
