#pragma once

#include "Leasehold/LeaseRules.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

/// The records of a storage by name: open addressing, with the hash of each name beside the pointer to its record. To find one of a million
/// costs two accesses to memory that is in no cache, where std::unordered_map takes three or four; with a million locks to renew that is
/// most of what it costs to keep them. The caller brings the hash. Not thread-safe.
class RecordTable
{
public:
    struct Entry
    {
        std::string name{};
        std::optional<LeaseRules::Record> record{}; ///< never empty here: the rules take it so
    };

    std::size_t size() const noexcept { return _size; }

    /// nullptr: there is none. Valid until it is erased.
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

    /// There must be none of this name.
    Entry& add(const std::string& name, std::size_t hash, std::optional<LeaseRules::Record> record)
    {
        auto entry = std::make_unique<Entry>(Entry{name, std::move(record)});
        if (2 * (_size + 1) > _slots.size()) // at most half full: the way to a free slot stays short
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

    /// Erases those of which `is(entry)`, at most so many, and returns how many. What is left is looked at by the next call again.
    template <typename Predicate>
    std::size_t eraseIf(std::size_t atMost, Predicate is)
    {
        std::size_t erased = 0;
        for (std::size_t at = 0; at < _slots.size() && erased < atMost;)
        {
            if (!_slots[at].entry || !is(*_slots[at].entry))
                ++at;
            else
            {
                eraseAt(at); // another may have moved here, so this slot is looked at again
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

    /// The lower bits, mixed with the upper ones: a caller may have chosen this table by some of them.
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

    /// No mark is left behind: those that had to give way to the erased one move up.
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

    std::vector<Slot> _slots; // as many as a power of two
    std::size_t _size = 0;
};

} // namespace Leasehold
