#include "StatusStream.h"

#include "UsageError.h"
#include "jsonLines.h"

#include <fcntl.h>
#include <unistd.h>

namespace Leasehold::Tool
{

StatusStream::StatusStream(int descriptor) : _descriptor(descriptor)
{
    if (_descriptor < 0)
        return;
    const int flags = ::fcntl(_descriptor, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
        throw UsageError("--status-fd " + std::to_string(_descriptor) + " is not open for writing: add " + std::to_string(_descriptor) +
                         ">FILE to the command line");
    if (_descriptor > STDERR_FILENO)
        ::fcntl(_descriptor, F_SETFD, FD_CLOEXEC);
}

void StatusStream::write(std::string_view event, const std::string& more)
{
    if (_descriptor < 0)
        return;
    const std::string line = "{\"event\":\"" + std::string(event) + "\"" + (more.empty() ? "" : "," + more) + "}\n";
    if (::write(_descriptor, line.data(), line.size()) < 0)
        _descriptor = -1; // its reader is gone; SIGPIPE is blocked by POCO
}

void StatusStream::waiting(const LockRecord& holder)
{
    write("waiting", "\"holder\":" + lockJson(holder));
}

void StatusStream::held(const LockRecord& holder)
{
    write("held", "\"holder\":" + lockJson(holder));
}

void StatusStream::acquired(const std::string& name, Fence fence, Milliseconds validFor)
{
    write("acquired",
          "\"name\":" + jsonText(name) + ",\"fence\":" + std::to_string(fence) + ",\"validForMs\":" + std::to_string(validFor.count()));
}

void StatusStream::started(int pid)
{
    write("started", "\"pid\":" + std::to_string(pid));
}

void StatusStream::lost(std::string_view reason)
{
    write("lost", "\"reason\":" + jsonText(reason));
}

void StatusStream::exited(int status)
{
    write("exited", "\"status\":" + std::to_string(status));
}

void StatusStream::signalled(int number)
{
    write("signalled", "\"signal\":" + std::to_string(number));
}

void StatusStream::released()
{
    write("released", {});
}

void StatusStream::failed(std::string_view message, int status)
{
    write("failed", "\"message\":" + jsonText(message) + ",\"status\":" + std::to_string(status));
}

} // namespace Leasehold::Tool
