#pragma once

#include "LeaseTable.h"
#include "Leasehold/Durations.h"
#include "Leasehold/TimeSource.h"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>

namespace Leasehold
{

/// The renewals that are due and not sent yet. Renewals in one call share its deadline, the shortest of their call timeouts. Therefore
/// they are in groups: within a group the call timeouts differ by less than a factor of two, so that a lease with a short TTL does not
/// cut the calls of the others short. Not thread-safe.
class DueRenewals
{
public:
    using Leases = LeaseTable::Leases;

    bool empty() const noexcept { return _groups.empty(); }
    void add(Leases leases);

    /// Takes at most `maxCount` renewals of one group, the earliest end first, from the group whose first lease ends first. Must not be
    /// empty.
    Leases takeChunk(std::size_t maxCount);

    /// Takes all renewals whose call timeout is at most `callTimeout` or in its group.
    Leases takeUpTo(Milliseconds callTimeout);

private:
    struct Due
    {
        LocalTime end; ///< a copy from when it was added: a release may change the lease's own at any time
        std::shared_ptr<Lease> lease;
    };

    static int groupOf(Milliseconds callTimeout);

    std::map<int, std::deque<Due>> _groups; // no group is empty; each is sorted by end
};

} // namespace Leasehold
