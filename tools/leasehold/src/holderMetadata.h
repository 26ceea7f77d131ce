#pragma once

#include "Leasehold/Metadata.h"

#include <optional>
#include <string>
#include <vector>

namespace Leasehold::Tool
{

/// What a lock taken by `run` says of its holder: host, pid, user, and the command: its name alone, or its arguments too if
/// `withArguments` (they may hold secrets). `more` is one JSON object whose entries are added, or take the place of those.
/// Throws InvalidLockRequest.
Metadata holderMetadata(const std::vector<std::string>& command, bool withArguments, const std::optional<std::string>& more);

} // namespace Leasehold::Tool
