#pragma once

#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

/// What a worker process of the kit does; the last arguments of its command. Each works on the lock of the given name.
namespace WorkerTask
{
/// FILE PROBLEMS: counts the GuardedCounter in FILE up, under the lock, until SIGTERM. What must not happen goes to PROBLEMS.
inline constexpr const char* count = "count";
/// FILE: prepares the storage, takes the lock, writes its fence to FILE and ends without giving it back.
inline constexpr const char* take = "take";
/// FILE: takes the lock, writes its fence to FILE, and when FILE.go is there, renews and releases; writes to FILE.end how that went.
inline constexpr const char* comeBackLate = "come-back-late";
} // namespace WorkerTask

/// The command of a worker, but for the program itself.
std::vector<std::string> workerArguments(const std::string& harness, const std::string& location, const std::string& task,
                                         const std::string& lock, long long ttlMs, const std::vector<std::string>& files);

/// Does the work if these arguments are those of a worker, and says how the process shall exit.
std::optional<int> runConformanceWorker(const std::vector<std::string>& arguments);

} // namespace Leasehold
