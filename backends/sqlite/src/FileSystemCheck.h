#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace Leasehold::FileSystemCheck
{

/// Throws LockStoreError, which names the type, if `path` (or its directory, if there is no such file yet) lies on a file system that
/// several machines can write to: file locks and shared memory do not work between machines. It also throws for a file system that gives
/// files a second, short name. `typeOf`: SQLiteOptions::fileSystemType.
void requireFit(const std::string& path, const std::function<std::uint64_t(const std::string&)>& typeOf);

} // namespace Leasehold::FileSystemCheck
