#pragma once

#include "Leasehold/ChildProcess.h"

#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

/// The jobs of a worker process of the kit, with the last arguments of its command. Each uses the lock of the given name.
namespace WorkerTask
{
/// FILE PROBLEMS: increments the GuardedCounter in FILE under the lock until SIGTERM. Writes violations to PROBLEMS.
inline constexpr const char* count = "count";
/// FILE: prepares the storage, acquires the lock, writes its fence to FILE and ends without a release.
inline constexpr const char* take = "take";
/// FILE: acquires the lock and writes its fence to FILE. When FILE.go exists, renews and releases, and writes the outcomes to FILE.end.
inline constexpr const char* comeBackLate = "come-back-late";
/// VERB READY: acquires the lock READY, and then sends the LateVerb of that name repeatedly, for each lease of the lock that it sees, until
/// SIGTERM. It reads the token from the lease's metadata, which are the same text, and ignores other leases. Before its first request
/// for a lease it acquires the lock READYTOKEN, so that the test knows that the verb is under way.
inline constexpr const char* sendLate = "send-late";
} // namespace WorkerTask

/// The arguments of a worker, without the program.
std::vector<std::string> workerArguments(const std::string& harness, const std::string& location, const std::string& task,
                                         const std::string& lock, long long ttlMs, const std::vector<std::string>& files);

/// Starts this program as a worker with these arguments. `prefix` comes before the program in the command.
ChildProcess startConformanceWorker(const std::vector<std::string>& prefix, const std::vector<std::string>& arguments);

/// If these arguments are a worker's, does its job and returns the exit status of the process.
std::optional<int> runConformanceWorker(const std::vector<std::string>& arguments);

} // namespace Leasehold
