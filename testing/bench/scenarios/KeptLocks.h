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

/// Takes `count` locks, by several threads, at moments that lie anywhere in `over`.
std::vector<Lock> takeLocks(LockManagerService& locks, const std::string& prefix, std::size_t count, std::size_t threads, Seconds over);

/// What it cost to keep locks for a while, by this process and by the engine's.
struct Keeping
{
    double seconds = 0;
    double clientCore = 0;                 ///< percent of one core
    std::optional<double> engineCore = {}; ///< percent of one core
    ProcessUsage client{};                 ///< at the end
};

/// Waits for `span`, doing nothing.
Keeping keepFor(Seconds span, std::optional<pid_t> engine = {});

std::size_t countHeld(const std::vector<Lock>& locks);

/// Gives all back that are still held, by several threads.
void giveBack(std::vector<Lock>& locks, std::size_t threads);

} // namespace Leasehold::Bench
