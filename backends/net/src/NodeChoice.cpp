#include "net/NodeChoice.h"

#include <algorithm>
#include <stdexcept>

namespace Leasehold::Net
{

namespace
{

constexpr auto firstRest = std::chrono::milliseconds(500);
constexpr auto longestRest = std::chrono::milliseconds(30'000);

std::string joined(const std::vector<std::string>& addresses)
{
    std::string text;
    for (const auto& address : addresses)
        text += (text.empty() ? "" : ", ") + address;
    return text;
}

} // namespace

NodeChoice::NodeChoice(std::vector<std::string> addresses, std::size_t first, std::shared_ptr<const TimeSource> clock) :
    _clock(std::move(clock)), _addresses(std::move(addresses)), _all(joined(_addresses)), _states(_addresses.size())
{
    if (_addresses.empty())
        throw std::invalid_argument("a choice of nodes needs a node");
    _current = first % _addresses.size();
}

// The current node and those after it that have not failed lately, then the others, the one with the shortest rest first.
std::vector<std::size_t> NodeChoice::order() const
{
    const auto now = _clock->now();
    const std::lock_guard lock(_mutex);
    std::vector<std::size_t> result;
    for (std::size_t step = 0; step < _states.size(); ++step)
        result.push_back((_current + step) % _states.size());
    std::stable_sort(result.begin(), result.end(),
                     [this, now](std::size_t left, std::size_t right)
                     { return std::max(_states[left].restsUntil, now) < std::max(_states[right].restsUntil, now); });
    return result;
}

void NodeChoice::answered(std::size_t index)
{
    const std::lock_guard lock(_mutex);
    State& node = _states[index];
    node.failures = 0;
    node.restsUntil = {};
    node.trouble.clear();
    _current = index;
}

// Requests that are under way together fail together: one outage, and so at most one failure per back-off period.
void NodeChoice::failed(std::size_t index, const std::string& why)
{
    const auto now = _clock->now();
    const std::lock_guard lock(_mutex);
    State& node = _states[index];
    node.trouble = why;
    node.troubledAt = now;
    if (now < node.restsUntil)
        return;
    node.failures = std::min(node.failures + 1, 10U);
    node.restsUntil = now + std::min(firstRest * (1 << (node.failures - 1)), longestRest);
}

std::string NodeChoice::troubles(std::span<const std::string> except) const
{
    std::string text;
    const auto now = _clock->now();
    const std::lock_guard lock(_mutex);
    for (std::size_t index = 0; index < _states.size(); ++index)
    {
        const auto& node = _states[index];
        if (node.trouble.empty() || std::find(except.begin(), except.end(), _addresses[index]) != except.end())
            continue;
        const auto ago = std::chrono::duration_cast<std::chrono::seconds>(now - node.troubledAt);
        text += (text.empty() ? "" : "; ") + _addresses[index] + ": " + node.trouble + " (" + std::to_string(ago.count()) + " s ago)";
    }
    return text;
}

} // namespace Leasehold::Net
