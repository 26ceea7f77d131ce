#include "Messages.h"

#include <unistd.h>

namespace Leasehold::Tool::Messages
{

namespace
{

void writeAll(std::string_view text)
{
    while (!text.empty())
    {
        const auto written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written <= 0)
            return; // nobody is there to be told
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace

void say(std::string_view text)
{
    std::string line = "leasehold: ";
    line.append(text).append("\n");
    writeAll(line);
}

void showCountdown(std::string_view text)
{
    writeAll(std::string("\r\x1b[K").append(text));
}

} // namespace Leasehold::Tool::Messages
