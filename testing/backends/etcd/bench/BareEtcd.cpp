#include "BareEtcd.h"

#include "EtcdAnswer.h"
#include "StepOperations.h"
#include "txnText.h"

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
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

std::int64_t wallNow()
{
    using namespace std::chrono;
    return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

std::string prefixIn(const std::string& url)
{
    return url.substr(url.rfind('/') + 1);
}

int portIn(const std::string& url)
{
    return std::stoi(url.substr(url.rfind(':') + 1));
}

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

BareEtcd::BareEtcd(const std::string& url, std::string name) : _name(std::move(name)), _port(portIn(url)), _keys(prefixIn(url))
{
    _socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(_port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    if (_socket < 0 || ::connect(_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(_socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
        throw std::runtime_error("bare etcd: cannot connect");
    const auto storage = Etcd::readTxn(std::string(post("/v3/kv/txn", Etcd::txnText({}, Etcd::readKey(_keys.storage()), {}))));
    _ifStorage = Etcd::ifValue(_keys.storage(), Etcd::Relation::equal, storage.value().txn.responses.at(0).found.at(0).value);
    _lease = Etcd::readLease(std::string(post("/v3/lease/grant", R"({"TTL":"3600"})"))).value().id;
}

BareEtcd::~BareEtcd()
{
    ::close(_socket);
}

bool BareEtcd::pair()
{
    static std::atomic<std::uint64_t> pairs{0}; // the same token would be the same request
    const auto token = "token " + std::to_string(++pairs);
    const auto grant = Etcd::acquireOperation(_keys, {_name, token, std::chrono::seconds(30)}, 0, wallNow());
    if (txn(grant.text).find("response_put") == std::string_view::npos)
        return false;
    if (txn(Etcd::releaseOperation(_keys, {_name, token, grant.fence}, wallNow())).find("response_put") == std::string_view::npos)
        throw std::runtime_error("bare etcd: a lock was not held at its release");
    return true;
}

std::string_view BareEtcd::txn(const std::string& operation)
{
    std::string success;
    Etcd::appendWithLease(success, operation, _lease);
    return post("/v3/kv/txn", Etcd::txnText(_ifStorage, success, Etcd::readKey(_keys.storage())));
}

/// The body of the answer, valid until the next call.
std::string_view BareEtcd::post(const std::string& path, const std::string& body)
{
    const auto request = "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(_port) +
                         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
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
