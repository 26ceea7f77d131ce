#pragma once

#include "Leasehold/TimeSource.h"

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace Leasehold::Net
{

/// Which of several nodes gets a call. It stays with one node until that fails, then goes on with the next one that has not failed lately.
/// A node that failed rests for a back-off period, 500 ms at first and at most 30 s, and is asked before that only if every other node
/// has failed too. The last trouble of a node is kept until it answers, for messages. Thread-safe.
class NodeChoice
{
public:
    /// At least one address. `first`: the index to begin with, taken modulo their number.
    NodeChoice(std::vector<std::string> addresses, std::size_t first, std::shared_ptr<const TimeSource> clock = TimeSource::system());

    std::size_t size() const noexcept { return _addresses.size(); }
    const std::string& address(std::size_t index) const { return _addresses[index]; }
    /// All addresses, separated by commas, for messages.
    const std::string& addresses() const noexcept { return _all; }

    /// The indexes of all nodes in the order in which a call should try them.
    std::vector<std::size_t> order() const;
    void answered(std::size_t index);
    void failed(std::size_t index, const std::string& why);

    /// "https://es-2:9200: cannot connect: ... (12 s ago)" for each node that has failed and not answered since, without the addresses
    /// of `except`; empty: none.
    std::string troubles(std::span<const std::string> except = {}) const;

private:
    struct State
    {
        LocalTime restsUntil{};
        unsigned failures = 0;
        std::string trouble{}; // of the last failure, until the node answers
        LocalTime troubledAt{};
    };

    const std::shared_ptr<const TimeSource> _clock;
    const std::vector<std::string> _addresses;
    const std::string _all;
    mutable std::mutex _mutex;
    std::vector<State> _states;
    std::size_t _current = 0;
};

} // namespace Leasehold::Net
