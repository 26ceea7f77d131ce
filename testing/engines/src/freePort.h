#pragma once

#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/SocketAddress.h>

namespace Leasehold
{

/// A loopback port that was free a moment ago.
inline int freePort()
{
    Poco::Net::ServerSocket socket;
    socket.bind(Poco::Net::SocketAddress("127.0.0.1", 0), false);
    return socket.address().port();
}

} // namespace Leasehold
