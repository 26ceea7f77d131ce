#pragma once

#include "Lease.h"

#include <cstdint>
#include <vector>

namespace Leasehold
{

/// Leases by a time, earliest first, from which any lease can be taken out in O(log n): each knows its place. (A queue with
/// entries that are skipped later would grow with every lock that is released long before it is due.) Not thread-safe.
class LeaseHeap
{
public:
    using Place = std::uint32_t Lease::*;

    /// `place` is the member of Lease that remembers its place in this heap.
    explicit LeaseHeap(Place place) : _place(place) {}

    bool empty() const { return _entries.empty(); }
    std::size_t size() const { return _entries.size(); }
    LocalTime earliest() const { return _entries.empty() ? LocalTime::max() : _entries.front().at; }
    Lease& first() const { return *_entries.front().lease; }
    bool contains(const Lease& lease) const { return lease.*_place != Lease::nowhere; }

    /// Puts the lease in, or moves it to another time.
    void put(Lease& lease, LocalTime at)
    {
        if (!contains(lease))
        {
            _entries.push_back({at, &lease});
            lease.*_place = static_cast<std::uint32_t>(_entries.size() - 1);
        }
        else
            _entries[lease.*_place].at = at;
        rise(lease.*_place);
        sink(lease.*_place);
    }

    void remove(Lease& lease)
    {
        if (!contains(lease))
            return;
        const auto hole = lease.*_place;
        lease.*_place = Lease::nowhere;
        const Entry last = _entries.back();
        _entries.pop_back();
        if (hole == _entries.size())
            return;
        settle(hole, last);
        rise(hole);
        sink(last.lease->*_place);
    }

private:
    struct Entry
    {
        LocalTime at;
        Lease* lease;
    };

    void settle(std::uint32_t place, const Entry& entry)
    {
        _entries[place] = entry;
        entry.lease->*_place = place;
    }

    void rise(std::uint32_t place)
    {
        const Entry entry = _entries[place];
        while (place > 0 && entry.at < _entries[(place - 1) / 2].at)
        {
            settle(place, _entries[(place - 1) / 2]);
            place = (place - 1) / 2;
        }
        settle(place, entry);
    }

    void sink(std::uint32_t place)
    {
        const Entry entry = _entries[place];
        for (std::uint32_t child = 2 * place + 1; child < _entries.size(); child = 2 * place + 1)
        {
            if (child + 1 < _entries.size() && _entries[child + 1].at < _entries[child].at)
                ++child;
            if (entry.at <= _entries[child].at)
                break;
            settle(place, _entries[child]);
            place = child;
        }
        settle(place, entry);
    }

    Place _place;
    std::vector<Entry> _entries;
};

} // namespace Leasehold
