#pragma once

#include "Leasehold/Fence.h"

#include <string>
#include <utility>
#include <vector>

namespace Leasehold::Tool
{

/// The locks that the runs of leasehold above this process hold, from the environment variable LEASEHOLD_HELD: a run inside a run of the
/// same lock would wait for itself. One JSON array, the outermost lock first, without secrets:
///
///     [{"store":"sqlite","location":"/var/lib/locks.db","name":"nightly","fence":1795504309171000}]
class HeldLocks
{
public:
    static constexpr const char* variable = "LEASEHOLD_HELD";

    struct Entry
    {
        std::string store{};    ///< its type
        std::string location{}; ///< for people: the same store can be named in several ways
        std::string name{};
        Fence fence = 0;
    };

    /// Empty if the variable is not set, or is not what leasehold wrote.
    static HeldLocks fromEnvironment();

    void add(Entry entry) { _entries.push_back(std::move(entry)); }
    std::string json() const;

    /// The fences of the grants of that name. A lock with one of them is held by a run above this process.
    std::vector<Fence> fencesOf(const std::string& store, const std::string& name) const;

private:
    std::vector<Entry> _entries;
};

} // namespace Leasehold::Tool
