#include "StatusStream.h"

#include "Messages.h"
#include "UsageError.h"
#include "jsonLines.h"

#include <fcntl.h>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

std::string droppedLine(std::size_t count)
{
    return "{\"event\":\"dropped\",\"lines\":" + std::to_string(count) + "}\n";
}

} // namespace

StatusStream::StatusStream(int descriptor)
{
    if (descriptor < 0)
        return;
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
        throw UsageError("--status-fd " + std::to_string(descriptor) + " is not open for writing: add " + std::to_string(descriptor) +
                         ">FILE to the command line");
    if (descriptor > STDERR_FILENO)
        ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    // Messages and events on one descriptor keep their order.
    _outlet = descriptor == STDERR_FILENO ? &Messages::outlet() : &_own.emplace(descriptor, &droppedLine);
}

void StatusStream::write(std::string_view event, const std::string& more)
{
    if (_outlet != nullptr)
        _outlet->write("{\"event\":\"" + std::string(event) + "\"" + (more.empty() ? "" : "," + more) + "}\n");
}

void StatusStream::drain()
{
    if (_outlet != nullptr)
        _outlet->drain();
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
