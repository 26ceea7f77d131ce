#include "RawHttp.h"

#include "LockOperations.h"

#include <Poco/URI.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <random>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace Leasehold::Bench
{

using namespace Elasticsearch;
namespace
{

constexpr std::string_view placeholder = "00000000000000000000000000000000"; // as long as a token
constexpr Fence anyFence = 1'000'000'000'000'000;                            // as long as a fence of this decade
constexpr std::size_t fenceDigits = 16;

[[noreturn]] void fail(const std::string& what)
{
    throw std::runtime_error("the raw client: " + what + ": " + std::strerror(errno));
}

std::uint64_t runNumber()
{
    static const std::uint64_t number = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
    return number;
}

void writeHex(char* to, std::uint64_t number)
{
    for (int digit = 15; digit >= 0; --digit, number >>= 4)
        to[digit] = "0123456789abcdef"[number & 15];
}

std::size_t contentLength(std::string_view head)
{
    constexpr std::string_view field = "\r\ncontent-length:";
    const auto at = std::search(head.begin(), head.end(), field.begin(), field.end(),
                                [](char have, char want) { return std::tolower(static_cast<unsigned char>(have)) == want; });
    if (at == head.end())
        throw std::runtime_error("the raw client: an answer without a length: " + std::string(head.substr(0, 200)));
    const char* number = at + field.size();
    while (*number == ' ')
        ++number;
    std::size_t length = 0;
    std::from_chars(number, head.data() + head.size(), length);
    return length;
}

} // namespace

IndexAddress indexAddress(const std::string& url)
{
    const Poco::URI parsed(url);
    return {parsed.getPort(), parsed.getPath().substr(1)};
}

std::string postRequest(int port, const std::string& path, const std::string& body)
{
    const bool lines = !body.empty() && body.back() == '\n';
    return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\nContent-Type: application/" +
           (lines ? "x-ndjson" : "json") + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::size_t wholeAnswer(std::string_view received)
{
    const auto headEnd = received.find("\r\n\r\n");
    if (headEnd == std::string_view::npos)
        return 0;
    const auto length = headEnd + 4 + contentLength(received.substr(0, headEnd + 2));
    return received.size() >= length ? length : 0;
}

int statusOf(std::string_view answer)
{
    int status = 0;
    if (answer.size() > 12)
        std::from_chars(answer.data() + 9, answer.data() + 12, status);
    return status;
}

RawConnection::RawConnection(int port) : _socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    if (_socket < 0)
        fail("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(_socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const timeval limit{30, 0};
    ::setsockopt(_socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    {
        ::close(_socket);
        fail("connect");
    }
}

RawConnection::~RawConnection()
{
    ::close(_socket);
}

std::string_view RawConnection::exchange(std::string_view request)
{
    for (std::size_t sent = 0; sent < request.size();)
    {
        const auto count = ::send(_socket, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (count <= 0)
            fail("send");
        sent += static_cast<std::size_t>(count);
    }
    _received.clear();
    for (;;)
    {
        char buffer[65536];
        const auto count = ::recv(_socket, buffer, sizeof buffer, 0);
        if (count <= 0)
            fail("receive");
        _received.append(buffer, static_cast<std::size_t>(count));
        if (const auto length = wholeAnswer(_received))
        {
            const std::string_view answer(_received.data(), length);
            if (const int status = statusOf(answer); status != 200 && status != 201 && status != 409)
                throw std::runtime_error("the raw client was answered: " + std::string(answer.substr(0, 500)));
            return answer;
        }
    }
}

RawLock::RawLock(int port, const std::string& index, const std::string& name)
{
    AcquireRequest wanted;
    wanted.name = name;
    wanted.token = placeholder;
    wanted.ttl = std::chrono::seconds(30);
    const auto acquire = acquireOperation(wanted);
    const auto release = releaseOperation({name, std::string(placeholder), anyFence});
    constexpr Milliseconds timeout{4500}; // the engine timeout of the store's requests with the default deadline
    _acquire = postRequest(port, updatePath(index, acquire.id, timeout), acquire.body);
    _release = postRequest(port, updatePath(index, release.id, timeout), release.body);
    _tokenInAcquire = _acquire.find(placeholder);
    _tokenInRelease = _release.find(placeholder);
    _fenceInRelease = _release.find(std::to_string(anyFence));
}

const std::string& RawLock::acquire()
{
    static std::atomic<std::uint64_t> owners{0}; // shared by all objects, because two may want the same lock
    writeHex(_acquire.data() + _tokenInAcquire, runNumber());
    writeHex(_acquire.data() + _tokenInAcquire + 16, ++owners);
    return _acquire;
}

const std::string& RawLock::release(std::string_view granted)
{
    constexpr std::string_view field = "\"fence\":";
    const auto at = granted.find(field);
    if (at == std::string_view::npos || granted.size() < at + field.size() + fenceDigits ||
        granted.find(R"("result":"noop")") != std::string_view::npos)
        throw std::runtime_error("the raw client: no grant: " + std::string(granted.substr(0, 500)));
    _release.replace(_fenceInRelease, fenceDigits, granted.substr(at + field.size(), fenceDigits));
    _release.replace(_tokenInRelease, placeholder.size(), _acquire, _tokenInAcquire, placeholder.size());
    return _release;
}

void RawLock::requireReleased(std::string_view answer)
{
    if (answer.find(R"("result":"updated")") == std::string_view::npos)
        throw std::runtime_error("the raw client: not released: " + std::string(answer.substr(0, 500)));
}

} // namespace Leasehold::Bench
