#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/FaultyProxy.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace Leasehold
{

/// One event at a time after the start.
struct FaultStep
{
    enum class What
    {
        network, ///< the proxy changes to `fault`
        kill,    ///< SIGKILL to process `process`; another process replaces it
        pause,   ///< SIGSTOP to process `process`
        resume   ///< SIGCONT to process `process`
    };

    Milliseconds at{};
    What what{};
    ProxyFault fault = ProxyFault::none;
    Milliseconds delay{};
    std::size_t process = 0;

    std::string describe() const;
};

/// The faults of a run in order of time, drawn from the seed: the same seed gives the same schedule. It ends with a working network and
/// running processes. `network`: with faults of the proxy, not only of processes.
std::vector<FaultStep> faultSchedule(std::uint64_t seed, Milliseconds duration, std::size_t processes, bool network);

/// The seed of this run: LEASEHOLD_TEST_SEED, else a random one. The caller must print it.
std::uint64_t testSeed();

/// The duration of a run with faults: LEASEHOLD_TEST_FAULT_SECONDS, else `longer` if LEASEHOLD_TEST_LONG=1, else `usual`.
Milliseconds faultDuration(Milliseconds usual, Milliseconds longer);

/// Whether LEASEHOLD_TEST_LONG=1 is set.
bool isLongTest();

} // namespace Leasehold
