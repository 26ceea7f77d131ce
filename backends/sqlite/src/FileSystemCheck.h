#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace Leasehold::FileSystemCheck
{

/// Throws LockStoreError, naming the type, if `path` (or its directory, when there is no such file yet) lies on a file system
/// that several machines can write to: there file locks and shared memory do not exclude. `typeOf`: SQLiteOptions::fileSystemType.
void requireLocal(const std::string& path, const std::function<std::uint64_t(const std::string&)>& typeOf);

} // namespace Leasehold::FileSystemCheck
