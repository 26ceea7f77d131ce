#pragma once

#include <optional>
#include <string>

namespace Leasehold::ProcFile
{

/// The content of a file below /proc. nullopt: there is no such file. `purpose` ends the sentence "the sqlite store needs FILE ...".
/// Throws LockStoreUnavailable if no file descriptor is left, and LockStoreError if this user has no right to read the file.
std::optional<std::string> read(const char* file, const char* purpose);

} // namespace Leasehold::ProcFile
