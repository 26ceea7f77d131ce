#include "DueRenewals.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <utility>

namespace Leasehold
{

int DueRenewals::groupOf(Milliseconds callTimeout)
{
    return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(callTimeout.count())));
}

void DueRenewals::add(Leases leases)
{
    for (auto& lease : leases)
    {
        const auto end = lease->validUntil();
        auto& group = _groups[groupOf(lease->policy().effectiveCallTimeout())];
        group.push_back({end, std::move(lease)});
    }
    for (auto& [unused, group] : _groups)
        if (!std::ranges::is_sorted(group, {}, &Due::end)) // leases of one policy are in this order already
            std::ranges::stable_sort(group, {}, &Due::end);
}

DueRenewals::Leases DueRenewals::takeChunk(std::size_t maxCount)
{
    const auto urgent = std::ranges::min_element(_groups, {}, [](const auto& group) { return group.second.front().end; });
    auto& group = urgent->second;
    const auto last = group.begin() + static_cast<std::ptrdiff_t>(std::min(maxCount, group.size()));
    Leases chunk;
    std::transform(group.begin(), last, std::back_inserter(chunk), [](Due& due) { return std::move(due.lease); });
    group.erase(group.begin(), last);
    if (group.empty())
        _groups.erase(urgent);
    return chunk;
}

DueRenewals::Leases DueRenewals::takeUpTo(Milliseconds callTimeout)
{
    Leases taken;
    const auto last = _groups.upper_bound(groupOf(callTimeout));
    for (auto group = _groups.begin(); group != last; ++group)
        std::ranges::transform(group->second, std::back_inserter(taken), [](Due& due) { return std::move(due.lease); });
    _groups.erase(_groups.begin(), last);
    return taken;
}

} // namespace Leasehold
