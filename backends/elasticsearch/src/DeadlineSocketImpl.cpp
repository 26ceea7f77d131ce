#include "DeadlineSocketImpl.h"

#include "HttpFailure.h"

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace Leasehold
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
        throw HttpFailure(HttpFailure::Outcome::notSent, std::string("no descriptor is left: ") + std::strerror(errno));
}

DeadlineSocketImpl::~DeadlineSocketImpl()
{
    ::close(_interrupt);
}

void DeadlineSocketImpl::arm(CallLimit::Time deadline)
{
    _deadline = deadline;
    _ended = Ended::no;
    _sent = 0;
    // An interrupt of the call before may have come after its end.
    eventfd_t count = 0;
    ::eventfd_read(_interrupt, &count);
}

void DeadlineSocketImpl::interrupt() noexcept
{
    ::eventfd_write(_interrupt, 1);
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

int DeadlineSocketImpl::receiveRaw(char* bytes, int most)
{
    for (;;)
    {
        await(POLLIN);
        const auto got = ::recv(sockfd(), bytes, static_cast<std::size_t>(most), MSG_DONTWAIT);
        if (got >= 0)
            return static_cast<int>(got);
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            fail(errno);
    }
}

// Always looks at the deadline, so that a peer that always has something to say cannot prolong a call.
void DeadlineSocketImpl::await(short events)
{
    for (;;)
    {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(_deadline - std::chrono::steady_clock::now()).count();
        if (left <= 0)
        {
            _ended = Ended::deadline;
            throw Poco::TimeoutException("the call's time is over");
        }
        pollfd wanted[] = {{sockfd(), events, 0}, {_interrupt, POLLIN, 0}};
        const int ready = ::poll(wanted, 2, static_cast<int>(std::min<long long>(left, 1'000'000)));
        if (ready < 0 && errno != EINTR)
            fail(errno);
        if (ready <= 0)
            continue;
        if (wanted[1].revents != 0)
        {
            _ended = Ended::cancelled;
            throw Poco::TimeoutException("the call was cancelled");
        }
        return;
    }
}

} // namespace Leasehold
