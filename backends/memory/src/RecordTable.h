#pragma once

#include "Leasehold/Store/LeaseRules.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

/// The records of a storage by name: an open-addressing table with the hash of each name beside the pointer to its record. To find one of
/// a million records costs two cache misses, where std::unordered_map has three or four; that is most of the cost of renewing a million
/// locks. The caller computes the hash. Not thread-safe.
class RecordTable
{
public:
    struct Entry
    {
        std::string name{};
        std::optional<LeaseRules::Record> record{}; ///< never empty; LeaseRules takes an optional
    };

    std::size_t size() const noexcept { return _size; }

    /// nullptr: none. The pointer is valid until the record is erased.
    Entry* find(const std::string& name, std::size_t hash) noexcept
    {
        if (_slots.empty())
            return nullptr;
        for (auto at = home(hash);; at = next(at))
        {
            const auto& slot = _slots[at];
            if (!slot.entry)
                return nullptr;
            if (slot.hash == hash && slot.entry->name == name)
                return slot.entry.get();
        }
    }

    /// The table must not have a record of this name.
    Entry& add(const std::string& name, std::size_t hash, std::optional<LeaseRules::Record> record)
    {
        auto entry = std::make_unique<Entry>(Entry{name, std::move(record)});
        if (2 * (_size + 1) > _slots.size()) // at most half full, so that a search ends soon
            grow();
        auto& slot = _slots[freeSlot(hash)];
        slot = {hash, std::move(entry)};
        ++_size;
        return *slot.entry;
    }

    /// Calls `visit(entry)` for each.
    template <typename Visit>
    void forEach(Visit visit) const
    {
        for (const auto& slot : _slots)
            if (slot.entry)
                visit(*slot.entry);
    }

    /// Erases entries for which `is(entry)` is true, at most `limit`, and returns how many. A later call visits the others again.
    template <typename Predicate>
    std::size_t eraseIf(std::size_t limit, Predicate is)
    {
        std::size_t erased = 0;
        for (std::size_t at = 0; at < _slots.size() && erased < limit;)
        {
            if (!_slots[at].entry || !is(*_slots[at].entry))
                ++at;
            else
            {
                eraseAt(at); // another entry may have moved here, so this slot is visited again
                ++erased;
            }
        }
        return erased;
    }

private:
    struct Slot
    {
        std::size_t hash = 0;
        std::unique_ptr<Entry> entry{};
    };

    /// Mixes the upper bits into the lower ones, because a caller may have chosen this table by some of them.
    std::size_t home(std::size_t hash) const noexcept { return (hash ^ (hash >> 32)) & (_slots.size() - 1); }
    std::size_t next(std::size_t at) const noexcept { return (at + 1) & (_slots.size() - 1); }

    std::size_t freeSlot(std::size_t hash) const noexcept
    {
        auto at = home(hash);
        while (_slots[at].entry)
            at = next(at);
        return at;
    }

    void grow()
    {
        std::vector<Slot> old(std::max<std::size_t>(_slots.size() * 2, 8));
        old.swap(_slots);
        for (auto& slot : old)
            if (slot.entry)
                _slots[freeSlot(slot.hash)] = std::move(slot);
    }

    /// Leaves no mark in the gap: entries that were placed further because of the erased one move up.
    void eraseAt(std::size_t gap)
    {
        _slots[gap].entry.reset();
        --_size;
        for (auto at = next(gap); _slots[at].entry; at = next(at))
        {
            const auto mask = _slots.size() - 1;
            const bool reachesGap = ((at - home(_slots[at].hash)) & mask) >= ((at - gap) & mask);
            if (reachesGap)
            {
                _slots[gap] = std::move(_slots[at]);
                gap = at;
            }
        }
    }

    std::vector<Slot> _slots; // its size is a power of two
    std::size_t _size = 0;
};

} // namespace Leasehold
