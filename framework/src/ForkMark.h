#pragma once

#include <memory>

namespace Leasehold
{

/// Remembers in which process an object was made. A forked child has copies of the parent's locks, but neither its threads
/// nor the right to its leases.
class ForkMark
{
public:
    ForkMark();

    /// True in a forked child of the process that made it. Costs one load.
    bool isForeign() const noexcept;

    /// Throws LockException if isForeign; `what` names the object.
    void requireNative(const char* what) const;

    /// Keeps what must not be destroyed in a forked child: its threads do not exist there, its mutexes may be locked.
    static void keepForever(std::shared_ptr<void> foreign);

private:
    unsigned _generation;
};

} // namespace Leasehold
