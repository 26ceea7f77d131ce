#pragma once

#include "Leasehold/Fence.h"
#include "Leasehold/TimeSource.h"

#include <cstdint>
#include <optional>

namespace Leasehold::Tool
{

/// An order of leasehold to its guardian.
struct GuardianOrder
{
    enum class Kind : std::int32_t
    {
        start,  ///< run the command, under the deadlines given
        extend, ///< the lease was renewed: new deadlines
        signal, ///< pass `number` on to the command's process group
        lost    ///< the lease is lost: TERM now, and KILL at `killAt`
    };
    Kind kind = Kind::extend;
    std::int32_t number = 0;         ///< signal: which. start: 1 if the command gets the terminal
    Fence fence = 0;                 ///< start: for the environment
    LocalClock::rep terminateAt = 0; ///< by LocalClock
    LocalClock::rep killAt = 0;
};

/// A report of the guardian to leasehold.
struct GuardianReport
{
    enum class Kind : std::int32_t
    {
        started,     ///< `number`: the command's process id, which is its process group too
        cannotStart, ///< `number`: errno of exec
        tooLate,     ///< the deadline had passed before the start, so the command was not started
        stopped,     ///< by the signal `number`
        exited,      ///< with the status `number`
        signalled,   ///< ended by the signal `number`
        terminating, ///< the lease runs out: TERM was sent to `number` processes
        killing,     ///< KILL was sent
        leftBehind,  ///< the command has ended and left `number` processes, which are being stopped
        gone         ///< all have ended, except `number` processes that could not be killed
    };
    Kind kind = Kind::gone;
    std::int32_t number = 0;
};

/// One message each way over a SOCK_SEQPACKET socket, whose other end closes with its process.
/// False: the other side has ended, or (send) its queue is full.
bool sendOrder(int socket, const GuardianOrder& order) noexcept;
bool sendReport(int socket, const GuardianReport& report) noexcept;

enum class Received
{
    message,
    nothing, ///< no message has come yet
    closed
};
Received receiveOrder(int socket, GuardianOrder& order) noexcept;
Received receiveReport(int socket, GuardianReport& report) noexcept;

} // namespace Leasehold::Tool
