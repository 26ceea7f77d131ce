#pragma once

#include "Descriptor.h"

namespace Leasehold::Tool
{

/// Lets another thread wake one that polls.
class Wakeup
{
public:
    /// Throws std::system_error.
    Wakeup();

    int descriptor() const noexcept { return _descriptor.get(); }
    void wake() noexcept;
    /// Forgets the wakes so far.
    void clear() noexcept;

private:
    Descriptor _descriptor;
};

} // namespace Leasehold::Tool
