#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Fence.h"

#include <cstdint>
#include <string>
#include <vector>

namespace Leasehold
{

/// Nanoseconds of CLOCK_BOOTTIME, one clock for all processes of a host. It is read from the kernel and not from the tested
/// library.
using HostTime = std::int64_t;
HostTime hostTime();

/// The kinds of recorded events.
enum class HistoryKind
{
    granted,        ///< a lock was acquired; `since` is the time before the request
    heldSample,     ///< isHeld() answered true; `time` was read before the call
    notHeldSample,  ///< isHeld() answered false
    toldLost,       ///< the loss token fired
    neverTold,      ///< isHeld() was false, and the loss token did not fire within 10 s
    releasing,      ///< release() is about to be called; `until` is the end of the lease as isHeld() counts it
    released,       ///< release() returned
    releaseRefused, ///< release() threw LockLostError
    releaseUnknown, ///< release() threw LockStoreUnavailable
    writing,        ///< an update is about to be written; `detail`: RESOURCE ID
    wrote,          ///< the resource accepted the update
    refused,        ///< the resource refused the update because of its fence
    unavailable,    ///< the store was unavailable
    failed          ///< an error that must not happen; `detail` describes it
};

/// "granted", "heldSample" ...
const char* toString(HistoryKind kind);

/// One event of a history: one line in a file.
struct HistoryLine
{
    HostTime time = 0;
    HistoryKind kind = HistoryKind::failed;
    std::string lock = "-"; ///< no spaces
    Fence fence = 0;
    HostTime since = 0;
    std::string detail{}; ///< the rest of the line
    HostTime until = 0;
};

std::string formatHistoryLine(const HistoryLine& line);
/// Throws Poco::DataFormatException for a malformed line.
HistoryLine parseHistoryLine(const std::string& text);

/// Appends to a history. Each line is one write to the file, so a SIGKILL loses no earlier line, and threads need no lock.
class HistoryWriter
{
public:
    /// Throws Poco::FileException if the file cannot be made.
    explicit HistoryWriter(const std::string& path);
    ~HistoryWriter();
    HistoryWriter(const HistoryWriter&) = delete;
    HistoryWriter& operator=(const HistoryWriter&) = delete;

    void write(const HistoryLine& line);

private:
    int _file;
};

/// All complete lines of a history. A process that is killed while it writes leaves an incomplete last line.
std::vector<HistoryLine> readHistory(const std::string& path);

} // namespace Leasehold
