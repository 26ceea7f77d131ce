#pragma once

#include "RawHttp.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold::Bench
{

/// The raw limit of many clients: one thread that keeps many keep-alive connections busy by epoll, each with single `_update`
/// requests that take and give back a lock of its own, the same that the store would send: what `wrk` does, but each request
/// carries the fence that the one before was answered with.
class LoadGenerator
{
public:
    LoadGenerator(int port, const std::string& index, std::size_t connections);
    ~LoadGenerator();
    LoadGenerator(const LoadGenerator&) = delete;
    LoadGenerator& operator=(const LoadGenerator&) = delete;

    struct Outcome
    {
        double requestsPerSecond = 0;
        std::vector<double> milliseconds{}; ///< of each request
    };

    /// Throws std::runtime_error if a request is not answered as it must be.
    Outcome run(std::chrono::duration<double> span);

private:
    struct Client;

    void send(Client& client);
    bool receive(Client& client);

    std::vector<std::unique_ptr<Client>> _clients;
    int _poll;
};

} // namespace Leasehold::Bench
