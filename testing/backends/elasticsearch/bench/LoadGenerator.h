#pragma once

#include "RawHttp.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold::Bench
{

/// The raw limit of many clients, like `wrk`: one thread with epoll and many keep-alive connections. Each connection acquires and releases
/// its own lock by the `_update` requests that the store would send, with the fence of the answer before.
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

    /// Throws std::runtime_error if an answer is not the expected one.
    Outcome run(std::chrono::duration<double> span);

private:
    struct Client;

    void send(Client& client);
    bool receive(Client& client);

    std::vector<std::unique_ptr<Client>> _clients;
    int _poll;
};

} // namespace Leasehold::Bench
