#include "GuardianProtocol.h"

#include <cerrno>
#include <sys/socket.h>

namespace Leasehold::Tool
{

namespace
{

template <typename Message>
bool sendMessage(int socket, const Message& message) noexcept
{
    ssize_t sent = 0;
    do
        sent = ::send(socket, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == sizeof message;
}

template <typename Message>
Received receiveMessage(int socket, Message& message) noexcept
{
    ssize_t got = 0;
    // ECONNRESET means that the other side ended without reading all messages. It is reported once; the messages of that side can still be
    // read.
    do
        got = ::recv(socket, &message, sizeof message, MSG_DONTWAIT);
    while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got == sizeof message)
        return Received::message;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? Received::nothing : Received::closed;
}

} // namespace

bool sendOrder(int socket, const GuardianOrder& order) noexcept
{
    return sendMessage(socket, order);
}

bool sendReport(int socket, const GuardianReport& report) noexcept
{
    return sendMessage(socket, report);
}

Received receiveOrder(int socket, GuardianOrder& order) noexcept
{
    return receiveMessage(socket, order);
}

Received receiveReport(int socket, GuardianReport& report) noexcept
{
    return receiveMessage(socket, report);
}

} // namespace Leasehold::Tool
