#include "ScriptedServer.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace Leasehold
{

namespace
{

[[noreturn]] void fail(const char* what)
{
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

} // namespace

ScriptedServer::Conversation::~Conversation()
{
    close();
}

bool ScriptedServer::Conversation::awaitReadable()
{
    if (_descriptor < 0)
        return false;
    pollfd wanted[] = {{_descriptor, POLLIN, 0}, {_server._ending, POLLIN, 0}};
    while (::poll(wanted, 2, -1) < 0)
    {
        if (errno != EINTR)
            fail("poll");
    }
    return wanted[1].revents == 0;
}

void ScriptedServer::Conversation::readAnything()
{
    char buffer[65536];
    if (awaitReadable() && ::recv(_descriptor, buffer, sizeof buffer, 0) < 0)
        fail("recv");
}

bool ScriptedServer::Conversation::readRequest()
{
    const auto more = [this]
    {
        if (!awaitReadable())
            return false;
        char buffer[65536];
        const auto got = ::recv(_descriptor, buffer, sizeof buffer, 0);
        if (got <= 0)
            return false;
        _read.append(buffer, static_cast<std::size_t>(got));
        return true;
    };
    std::size_t end = 0;
    while ((end = _read.find("\r\n\r\n")) == std::string::npos)
    {
        if (!more())
            return false;
    }
    _head = _read.substr(0, end);
    _read.erase(0, end + 4);
    std::size_t length = 0;
    if (const auto at = _head.find("Content-Length: "); at != std::string::npos)
        length = std::stoul(_head.substr(at + 16));
    while (_read.size() < length)
    {
        if (!more())
            return false;
    }
    _body = _read.substr(0, length);
    _read.erase(0, length);
    ++_server._requests;
    return true;
}

void ScriptedServer::Conversation::send(const std::string& text)
{
    std::size_t sent = 0;
    while (_descriptor >= 0 && sent < text.size())
    {
        const auto put = ::send(_descriptor, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (put <= 0)
            return close(); // the other side has closed the connection
        sent += static_cast<std::size_t>(put);
    }
}

void ScriptedServer::Conversation::answer(int status, const std::string& body, const std::string& contentType, const std::string& fields)
{
    send("HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-type: " + contentType + "\r\n" + fields +
         "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void ScriptedServer::Conversation::drip(const std::string& text, std::chrono::milliseconds pause)
{
    for (const char byte : text)
    {
        pollfd ending{_server._ending, POLLIN, 0};
        if (_descriptor < 0 || ::poll(&ending, 1, static_cast<int>(pause.count())) != 0)
            return;
        send(std::string(1, byte));
    }
}

void ScriptedServer::Conversation::hang()
{
    char buffer[4096];
    while (awaitReadable() && ::recv(_descriptor, buffer, sizeof buffer, 0) > 0)
    {
    }
}

void ScriptedServer::Conversation::reset()
{
    const linger now{1, 0};
    ::setsockopt(_descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

void ScriptedServer::Conversation::close()
{
    if (_descriptor >= 0)
        ::close(_descriptor);
    _descriptor = -1;
}

ScriptedServer::ScriptedServer(Behaviour behaviour) : ScriptedServer(std::move(behaviour), {}) {}

ScriptedServer::ScriptedServer(Behaviour behaviour, std::string path) : _behaviour(std::move(behaviour)), _path(std::move(path))
{
    listen();
}

ScriptedServer::Behaviour ScriptedServer::answering(int status, std::string body, std::string contentType)
{
    return [status, body = std::move(body), contentType = std::move(contentType)](Conversation& conversation)
    {
        while (conversation.readRequest())
            conversation.answer(status, body, contentType);
    };
}

ScriptedServer::~ScriptedServer()
{
    stop();
}

std::string ScriptedServer::url() const
{
    return "http://127.0.0.1:" + std::to_string(_port);
}

void ScriptedServer::behave(Behaviour behaviour)
{
    const std::lock_guard lock(_mutex);
    _behaviour = std::move(behaviour);
}

void ScriptedServer::stop()
{
    if (_listener < 0)
        return;
    ::eventfd_write(_ending, 1);
    _acceptor.join();
    _conversations.clear();
    ::close(_listener);
    ::close(_ending);
    _listener = -1;
}

void ScriptedServer::listenAgain()
{
    listen();
}

void ScriptedServer::listen()
{
    _ending = ::eventfd(0, EFD_CLOEXEC);
    if (_ending < 0)
        fail("no descriptor is left");
    if (_path.empty())
        listenAtPort();
    else
        listenAtPath();
    if (::listen(_listener, 64) != 0)
        fail("cannot listen");
    _acceptor = std::jthread([this] { serve(); });
}

void ScriptedServer::listenAtPort()
{
    _listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(_port));
    socklen_t size = sizeof address;
    if (_listener < 0 || ::setsockopt(_listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(_listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(_listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        fail("cannot take a port");
    _port = ntohs(address.sin_port);
}

void ScriptedServer::listenAtPath()
{
    _listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    _path.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(_path.c_str());
    if (_listener < 0 || ::bind(_listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        fail("cannot make a unix socket");
}

void ScriptedServer::serve()
{
    for (;;)
    {
        pollfd wanted[] = {{_listener, POLLIN, 0}, {_ending, POLLIN, 0}};
        if (::poll(wanted, 2, -1) < 0)
            continue;
        if (wanted[1].revents != 0)
            return;
        const int descriptor = ::accept4(_listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (descriptor < 0)
            continue;
        ++_connections;
        const std::lock_guard lock(_mutex);
        _conversations.emplace_back(
            [this, descriptor, behaviour = _behaviour]
            {
                Conversation conversation(descriptor, *this);
                behaviour(conversation);
            });
    }
}

} // namespace Leasehold
