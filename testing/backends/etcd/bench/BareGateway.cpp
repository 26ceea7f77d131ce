#include "BareGateway.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace Leasehold::Bench
{
namespace
{

std::uint64_t numberAfter(std::string_view text, std::string_view field)
{
    const auto at = text.find(field);
    std::uint64_t number = 0;
    if (at == std::string_view::npos ||
        std::from_chars(text.data() + at + field.size(), text.data() + text.size(), number).ec != std::errc())
        throw std::runtime_error("bare etcd: an answer without " + std::string(field));
    return number;
}

/// The length of the whole answer at the front; 0: it is incomplete.
std::size_t wholeAnswer(std::string_view received)
{
    const auto end = received.find("\r\n\r\n");
    if (end == std::string_view::npos)
        return 0;
    const auto length = end + 4 + numberAfter(received.substr(0, end), "Content-Length: ");
    return length <= received.size() ? length : 0;
}

} // namespace

std::string BareGateway::prefixIn(const std::string& url)
{
    const auto path = url.substr(url.rfind('/') + 1);
    return path.substr(0, path.find('?'));
}

BareGateway::BareGateway(const std::string& url) :
    _fields(" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ")
{
    _socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    if (_socket < 0 || ::connect(_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(_socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
        throw std::runtime_error("bare etcd: cannot connect");
}

BareGateway::~BareGateway()
{
    ::close(_socket);
}

std::string_view BareGateway::post(const char* path, std::string_view body)
{
    const auto request = "POST " + (path + _fields) + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    if (::send(_socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
        throw std::runtime_error("bare etcd: cannot send");
    _received.clear();
    std::array<char, 16384> buffer{};
    while (wholeAnswer(_received) == 0)
    {
        const auto count = ::recv(_socket, buffer.data(), buffer.size(), 0);
        if (count <= 0)
            throw std::runtime_error("bare etcd: no answer");
        _received.append(buffer.data(), static_cast<std::size_t>(count));
    }
    if (!_received.starts_with("HTTP/1.1 200 "))
        throw std::runtime_error("bare etcd: " + _received);
    return std::string_view(_received).substr(_received.find("\r\n\r\n") + 4);
}

} // namespace Leasehold::Bench
