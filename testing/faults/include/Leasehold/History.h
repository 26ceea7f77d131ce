#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Fence.h"

#include <cstdint>
#include <string>
#include <vector>

namespace Leasehold
{

/// Nanoseconds of CLOCK_BOOTTIME: one clock for all processes of a host, asked of the kernel itself and not of the library that
/// is tested.
using HostTime = std::int64_t;
HostTime hostTime();

/// What a process may write down.
enum class HistoryKind
{
    granted,        ///< a lock was acquired; `since` is the time before it was asked for
    heldSample,     ///< isHeld() answered true; `time` was read before the call
    notHeldSample,  ///< isHeld() answered false
    toldLost,       ///< the loss token fired
    neverTold,      ///< isHeld() was false, and the loss token did not fire within 10 s
    releasing,      ///< release() is about to be called
    released,       ///< it returned
    releaseRefused, ///< it threw LockLostError
    releaseUnknown, ///< it threw LockStoreUnavailable
    writing,        ///< an update is about to be written; `detail`: RESOURCE ID
    wrote,          ///< it was: the resource accepted it
    refused,        ///< the resource refused it because of its fence
    unavailable,    ///< the store could not be used
    failed          ///< something that must not happen; `detail` says what
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
};

std::string formatHistoryLine(const HistoryLine& line);
/// Throws Poco::DataFormatException for a text that is none.
HistoryLine parseHistoryLine(const std::string& text);

/// Appends to a history. Each line is one write to the file, so what was written before a SIGKILL stays, and threads need no lock.
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

/// All whole lines of a history. A last line without an end is that of a process that was killed while it wrote.
std::vector<HistoryLine> readHistory(const std::string& path);

} // namespace Leasehold
