#pragma once

#include "Leasehold/LockRecord.h"

#include <string>

namespace Leasehold::Tool
{

/// Who a holder says that it is, from its metadata. What is not there, or cannot be read, is empty.
struct HolderDetails
{
    std::string host{}, pid{}, user{}, command{};

    static HolderDetails of(const LockRecord& record);

    /// "web-3 (pid 4711, user ops, backup)"; "another" if it says nothing.
    std::string text() const;
};

/// "held by web-3 (pid 4711, user ops, backup) since 14:02:07, at most 21.4s more", in the local time zone.
std::string describeHolder(const LockRecord& record);

/// Text from a store, safe to show on a terminal: control characters become '?'.
std::string printable(const std::string& text);

} // namespace Leasehold::Tool
