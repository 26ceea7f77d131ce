#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/FaultyProxy.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace Leasehold
{

/// One thing that happens at a time after the start.
struct FaultStep
{
    enum class What
    {
        network, ///< the proxy changes to `fault`
        kill,    ///< SIGKILL to process `process`; another takes its place
        pause,   ///< SIGSTOP
        resume   ///< SIGCONT
    };

    Milliseconds at{};
    What what{};
    ProxyFault fault = ProxyFault::none;
    Milliseconds delay{};
    std::size_t process = 0;

    std::string describe() const;
};

/// What goes wrong when, all of it drawn from the seed: the same seed, the same schedule. In the order of time; it ends with a sound
/// network and running processes. `network`: with faults of the proxy, not only of processes.
std::vector<FaultStep> faultSchedule(std::uint64_t seed, Milliseconds duration, std::size_t processes, bool network);

/// The seed of this run: LEASEHOLD_TEST_SEED, else another one each time. Print it.
std::uint64_t testSeed();

/// How long a run of faults takes: LEASEHOLD_TEST_FAULT_SECONDS, else `usual`, else `longer` if LEASEHOLD_TEST_LONG=1.
Milliseconds faultDuration(Milliseconds usual, Milliseconds longer);

/// LEASEHOLD_TEST_LONG=1.
bool isLongTest();

} // namespace Leasehold
