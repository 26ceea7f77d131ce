#pragma once

#include "Leasehold/FakeFaults.h"

#include <condition_variable>
#include <limits>
#include <mutex>
#include <random>
#include <stop_token>

namespace Leasehold
{

/// The state of FakeFaults, and the server's interface to it.
struct FakeFaults::State
{
    struct Rule
    {
        FakeFault fault;
        FakeRequest request = FakeRequest::any;
        std::size_t skip = 0; // requests to come before its turn
        std::size_t times = std::numeric_limits<std::size_t>::max();
        double probability = 1;
    };

    /// The fault of a request of these kinds.
    std::optional<FakeFault> choose(const std::set<FakeRequest>& kinds);

    /// Waits until the faults are cleared or a stop is asked for; at most for `pause`, if it is given. False: stopped.
    bool wait(std::stop_token stop, std::optional<Milliseconds> pause);

    std::mutex mutex{};
    std::condition_variable_any changed{};
    std::vector<Rule> rules{};
    std::mt19937_64 chances{};
    std::size_t injected = 0;
    std::size_t waiting = 0;
    std::uint64_t clearings = 0;
};

} // namespace Leasehold
