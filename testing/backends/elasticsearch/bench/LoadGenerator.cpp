#include "LoadGenerator.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace Leasehold::Bench
{

using Time = std::chrono::steady_clock::time_point;

struct LoadGenerator::Client
{
    Client(int port, const std::string& index, const std::string& name) : connection(port), lock(port, index, name) {}

    RawConnection connection;
    RawLock lock;
    std::string received{};
    bool holds = false; // its next request is the release
    bool busy = false;
    Time sentAt{};
    std::string granted{};
};

LoadGenerator::LoadGenerator(int port, const std::string& index, std::size_t connections) : _poll(::epoll_create1(EPOLL_CLOEXEC))
{
    if (_poll < 0)
        throw std::runtime_error(std::string("epoll_create1: ") + std::strerror(errno));
    static std::size_t generators = 0; // each generator has its own lock names
    const auto prefix = "load/" + std::to_string(++generators) + "/";
    for (std::size_t number = 0; number < connections; ++number)
    {
        _clients.push_back(std::make_unique<Client>(port, index, prefix + std::to_string(number)));
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = _clients.back().get();
        if (::epoll_ctl(_poll, EPOLL_CTL_ADD, _clients.back()->connection.socket(), &event) != 0)
            throw std::runtime_error(std::string("epoll_ctl: ") + std::strerror(errno));
    }
}

LoadGenerator::~LoadGenerator()
{
    ::close(_poll);
}

void LoadGenerator::send(Client& client)
{
    const auto& request = client.holds ? client.lock.release(client.granted) : client.lock.acquire();
    client.sentAt = std::chrono::steady_clock::now();
    // A small request always fits into the socket's buffer.
    if (::send(client.connection.socket(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
        throw std::runtime_error(std::string("the load generator cannot send: ") + std::strerror(errno));
    client.received.clear();
    client.busy = true;
}

/// True: the answer is whole.
bool LoadGenerator::receive(Client& client)
{
    char buffer[16384];
    const auto count = ::recv(client.connection.socket(), buffer, sizeof buffer, 0);
    if (count <= 0)
        throw std::runtime_error(std::string("the load generator was cut off: ") + std::strerror(errno));
    client.received.append(buffer, static_cast<std::size_t>(count));
    if (wholeAnswer(client.received) == 0)
        return false;
    if (client.holds)
        RawLock::requireReleased(client.received);
    else
        client.granted = client.received;
    client.holds = !client.holds;
    client.busy = false;
    return true;
}

LoadGenerator::Outcome LoadGenerator::run(std::chrono::duration<double> span)
{
    Outcome outcome;
    const auto began = std::chrono::steady_clock::now();
    const auto ends = began + std::chrono::duration_cast<std::chrono::steady_clock::duration>(span);
    std::size_t busy = _clients.size(), inTime = 0;
    for (const auto& client : _clients)
        send(*client);
    while (busy > 0)
    {
        std::array<epoll_event, 64> events{};
        const int ready = ::epoll_wait(_poll, events.data(), static_cast<int>(events.size()), 30'000);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            throw std::runtime_error("the load generator had no answer for 30 s");
        for (int i = 0; i < ready; ++i)
        {
            auto& client = *static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
            if (!receive(client))
                continue;
            const auto now = std::chrono::steady_clock::now();
            outcome.milliseconds.push_back(std::chrono::duration<double, std::milli>(now - client.sentAt).count());
            inTime += now < ends ? 1 : 0;
            // Leave no lock held, because the next run may begin after its lease has ended.
            if (now < ends || client.holds)
                send(client);
            else
                --busy;
        }
    }
    outcome.requestsPerSecond = static_cast<double>(inTime) / span.count();
    return outcome;
}

} // namespace Leasehold::Bench
