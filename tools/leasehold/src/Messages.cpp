#include "Messages.h"

#include "Outlet.h"

#include "Leasehold/printable.h"

#include <atomic>
#include <cerrno>
#include <unistd.h>

namespace Leasehold::Tool::Messages
{

namespace
{

std::atomic<bool> waits{true};

void writeAll(std::string_view text)
{
    while (!text.empty())
    {
        const auto written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; // standard error is closed
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void put(const std::string& text)
{
    if (waits)
        writeAll(text);
    else
        outlet().write(text);
}

std::string droppedLine(std::size_t count)
{
    return "leasehold: " + std::to_string(count) + (count == 1 ? " line was" : " lines were") +
           " dropped here, because nobody read standard error\n";
}

} // namespace

void say(std::string_view text)
{
    put("leasehold: " + printable(text) + "\n");
}

void showCountdown(std::string_view text)
{
    // A count may be left out while earlier lines wait. Erasing it may not: otherwise the next line would follow it.
    if (text.empty() || waits || outlet().isIdle())
        put(std::string("\r\x1b[K").append(text));
}

void neverWait()
{
    waits = false;
}

void drain()
{
    if (!waits)
        outlet().drain();
}

Outlet& outlet()
{
    static Outlet standardError(STDERR_FILENO, &droppedLine);
    return standardError;
}

} // namespace Leasehold::Tool::Messages
