#pragma once

#include "Leasehold/LockRecord.h"

#include <string>

namespace Leasehold::Tool
{

/// What the metadata says about the holder. A part that is absent or unreadable is empty.
struct HolderDetails
{
    std::string host{}, pid{}, user{}, command{};

    static HolderDetails of(const LockRecord& record);

    /// "web-3 (pid 4711, user ops, backup)"; "another" if it says nothing.
    std::string text() const;
};

} // namespace Leasehold::Tool
