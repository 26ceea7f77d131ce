#pragma once

#include "ProcessUsage.h"
#include "Setting.h"

#include "Leasehold/LockManagerService.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold::Bench
{

/// Acquires `count` locks in several threads, at random times within `over`.
std::vector<Lock> acquireLocks(LockManagerService& locks, const std::string& prefix, std::size_t count, std::size_t threads, Seconds over);

/// The cost of keeping locks for a while, in this process and in the server's.
struct Keeping
{
    double seconds = 0;
    double clientCore = 0;                 ///< percent of one core
    std::optional<double> serverCore = {}; ///< percent of one core
    ProcessUsage client{};                 ///< at the end
};

/// Waits for `span` while the locks are kept.
Keeping keepFor(Seconds span, std::optional<pid_t> server = {});

std::size_t countHeld(const std::vector<Lock>& locks);

/// Releases all locks that are still held, in several threads.
void releaseLocks(std::vector<Lock>& locks, std::size_t threads);

} // namespace Leasehold::Bench
