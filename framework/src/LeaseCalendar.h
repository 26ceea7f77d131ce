#pragma once

#include "Lease.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>

namespace Leasehold
{

/// Leases by a time, earliest first, in slots of a millisecond, each slot in the order of insertion. Any lease can be removed at once.
/// Leases that share a renewal come due together, so slots are few and moving a lease changes a few pointers; a heap of a million
/// would touch twenty leases. Not thread-safe.
class LeaseCalendar
{
public:
    using Place = CalendarLink Lease::*;

    /// `place` is the member of Lease that links it into this calendar.
    explicit LeaseCalendar(Place place) : _place(place) {}

    bool empty() const { return _size == 0; }

    /// The start of the first slot; max(): empty. It is up to a millisecond before the time of its leases, so the caller must not compare
    /// the clock with it to decide why a lease ended.
    LocalTime earliest() const
    {
        const auto slot = firstSlot();
        return slot == _slots.end() ? LocalTime::max() : LocalTime{Milliseconds{slot->first}};
    }

    /// The first lease of the first slot. The calendar must not be empty.
    Lease& first() const { return *firstSlot()->second.front; }

    /// The lease must not be in this calendar.
    void put(Lease& lease, LocalTime at)
    {
        auto& link = lease.*_place;
        auto& slot = slotAt(std::chrono::floor<Milliseconds>(at.time_since_epoch()).count());
        link = {&slot, slot.back, nullptr};
        (slot.back ? (slot.back->*_place).next : slot.front) = &lease;
        slot.back = &lease;
        ++_size;
    }

    /// Does nothing if the lease is not in this calendar.
    void remove(Lease& lease)
    {
        auto& link = lease.*_place;
        if (!link.slot)
            return;
        auto& slot = *link.slot;
        (link.previous ? (link.previous->*_place).next : slot.front) = link.next;
        (link.next ? (link.next->*_place).previous : slot.back) = link.previous;
        link = {};
        --_size;
        if (!slot.front && &slot != _recent)
            _slots.erase(slot.at);
    }

    /// Calls `visit(lease)` for each lease. `visit` must not change the calendar.
    template <typename Visit>
    void forEach(Visit visit) const
    {
        for (const auto& [at, slot] : _slots)
            for (Lease* lease = slot.front; lease; lease = (lease->*_place).next)
                visit(*lease);
    }

private:
    using Slots = std::map<std::int64_t, CalendarSlot>;

    Slots::const_iterator firstSlot() const
    {
        auto slot = _slots.begin();
        while (slot != _slots.end() && !slot->second.front) // only the last used slot can be empty
            ++slot;
        return slot;
    }

    /// The last used slot stays although it may be empty: otherwise a lock that is acquired and released in a loop would create and destroy
    /// a slot each time.
    CalendarSlot& slotAt(std::int64_t at)
    {
        if (_recent && _recent->at == at)
            return *_recent;
        if (_recent && !_recent->front)
            _slots.erase(_recent->at);
        _recent = &_slots.try_emplace(at, CalendarSlot{at}).first->second;
        return *_recent;
    }

    const Place _place;
    Slots _slots;
    CalendarSlot* _recent = nullptr;
    std::size_t _size = 0;
};

} // namespace Leasehold
