#include "DeadlineSocketImpl.h"

#include "net/CallFailure.h"

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace Leasehold::Net
{

namespace
{

[[noreturn]] void fail(int code)
{
    switch (code)
    {
    case ECONNREFUSED:
        throw Poco::Net::ConnectionRefusedException(std::strerror(code));
    case ECONNRESET:
    case EPIPE:
        throw Poco::Net::ConnectionResetException(std::strerror(code));
    default:
        throw Poco::Net::NetException(std::strerror(code));
    }
}

} // namespace

DeadlineSocketImpl::DeadlineSocketImpl(const TlsSettings* tls, std::string host) :
    _tlsSettings(tls), _host(std::move(host)), _interrupt(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (_interrupt < 0)
        throw CallFailure(CallFailure::Outcome::notSent, std::string("no descriptor is left: ") + std::strerror(errno));
}

DeadlineSocketImpl::~DeadlineSocketImpl()
{
    ::close(_interrupt);
}

void DeadlineSocketImpl::arm(const CallContext& context)
{
    _context = context;
    _ended = Ended::no;
    _sent = 0;
    // An interrupt of the call before may have come after its end. Most calls have none, and need no system call here.
    eventfd_t count = 0;
    if (_wasInterrupted.exchange(false))
        ::eventfd_read(_interrupt, &count);
}

void DeadlineSocketImpl::interrupt() noexcept
{
    ::eventfd_write(_interrupt, 1);
    _wasInterrupted = true; // afterwards, so that arm() finds what it is to read
}

bool DeadlineSocketImpl::isStale() const
{
    pollfd wanted{sockfd(), POLLIN, 0};
    return ::poll(&wanted, 1, 0) != 0;
}

void DeadlineSocketImpl::connect(const Poco::Net::SocketAddress& address)
{
    close();
    init(address.af());
    const int flags = ::fcntl(sockfd(), F_GETFL, 0);
    if (flags < 0 || ::fcntl(sockfd(), F_SETFL, flags | O_NONBLOCK) < 0 || ::fcntl(sockfd(), F_SETFD, FD_CLOEXEC) < 0)
        fail(errno);
    if (::connect(sockfd(), address.addr(), address.length()) != 0)
    {
        if (errno != EINPROGRESS && errno != EINTR)
            fail(errno);
        await(POLLOUT);
        int error = 0;
        socklen_t size = sizeof error;
        if (::getsockopt(sockfd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            fail(errno);
        if (error != 0)
            fail(error);
    }
    if (address.family() != Poco::Net::SocketAddress::UNIX_LOCAL)
        setNoDelay(true);
    if (_tlsSettings != nullptr)
    {
        _tls.emplace(*_tlsSettings, _host);
        _tls->handshake(*this);
    }
    _sent = 0;
}

void DeadlineSocketImpl::connect(const Poco::Net::SocketAddress& address, const Poco::Timespan&)
{
    connect(address);
}

int DeadlineSocketImpl::sendBytes(const void* buffer, int length, int)
{
    const auto* const bytes = static_cast<const char*>(buffer);
    if (_tls)
        _tls->send(*this, bytes, length);
    else
        sendRaw(bytes, length);
    return length;
}

int DeadlineSocketImpl::receiveBytes(void* buffer, int length, int)
{
    auto* const bytes = static_cast<char*>(buffer);
    const int got = _tls ? _tls->receive(*this, bytes, length) : receiveRaw(bytes, length);
    if (got == 0)
        _ended = Ended::closedByPeer;
    return got;
}

void DeadlineSocketImpl::sendRaw(const char* bytes, int count)
{
    while (count > 0)
    {
        const auto put = ::send(sockfd(), bytes, static_cast<std::size_t>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put >= 0)
        {
            bytes += put;
            count -= static_cast<int>(put);
            _sent += static_cast<std::size_t>(put);
        }
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
        {
            await(POLLOUT);
        }
        else if (errno != EINTR)
        {
            fail(errno);
        }
    }
}

int DeadlineSocketImpl::receiveRaw(char* bytes, int maxBytes)
{
    for (;;)
    {
        await(POLLIN);
        const auto got = ::recv(sockfd(), bytes, static_cast<std::size_t>(maxBytes), MSG_DONTWAIT);
        if (got >= 0)
            return static_cast<int>(got);
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            fail(errno);
    }
}

// Always looks at the deadline, so that a server that never stops sending cannot prolong a call.
void DeadlineSocketImpl::await(short events)
{
    // The system's poll does not count the time that the machine is suspended; the call's clock does, so it is asked now and then.
    constexpr auto longestPoll = std::chrono::milliseconds(1000);
    for (;;)
    {
        if (_context.cancel().stop_requested())
            endCancelled();
        const auto left = _context.timeLeft();
        if (left.count() <= 0)
        {
            _ended = Ended::deadline;
            throw Poco::TimeoutException("the call's time is over");
        }
        pollfd wanted[] = {{sockfd(), events, 0}, {_interrupt, POLLIN, 0}};
        const int ready = ::poll(wanted, 2, static_cast<int>(std::min(left, longestPoll).count()));
        if (ready < 0 && errno != EINTR)
            fail(errno);
        if (ready <= 0)
            continue;
        if (wanted[1].revents != 0)
            endCancelled();
        return;
    }
}

void DeadlineSocketImpl::endCancelled()
{
    _ended = Ended::cancelled;
    throw Poco::TimeoutException("the call was cancelled");
}

} // namespace Leasehold::Net
