#include "Descendants.h"

#include "Descriptor.h"
#include "SystemError.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unordered_map>

namespace Leasehold::Tool
{

namespace
{

/// The word with that index as a number; 0 if it is not one.
std::uint64_t wordAt(std::string_view text, int index)
{
    std::size_t begin = 0;
    for (; index > 0; --index)
    {
        begin = text.find(' ', begin);
        if (begin == std::string_view::npos)
            return 0;
        ++begin;
    }
    std::uint64_t number = 0;
    std::from_chars(text.data() + begin, text.data() + text.size(), number);
    return number;
}

std::optional<ProcessSeen> look(pid_t pid)
{
    const std::string path = "/proc/" + std::to_string(pid) + "/stat";
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return std::nullopt;
    char buffer[1024];
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got <= 0)
        return std::nullopt;
    // PID (NAME) STATE PARENT ... ; the name may contain anything, also parentheses: the last one counts.
    const std::string_view text(buffer, static_cast<std::size_t>(got));
    const auto nameEnd = text.rfind(')');
    if (nameEnd == std::string_view::npos || nameEnd + 2 > text.size())
        return std::nullopt;
    const auto fields = text.substr(nameEnd + 2);
    return ProcessSeen{pid, static_cast<pid_t>(wordAt(fields, 1)), wordAt(fields, 19)};
}

std::vector<ProcessSeen> allProcesses()
{
    std::vector<ProcessSeen> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), &::closedir);
    if (!folder)
        return all;
    while (const dirent* const entry = ::readdir(folder.get()))
    {
        pid_t pid = 0;
        const char* const end = entry->d_name + std::strlen(entry->d_name);
        if (std::from_chars(entry->d_name, end, pid).ptr != end)
            continue;
        if (const auto process = look(pid))
            all.push_back(*process);
    }
    return all;
}

} // namespace

void requireVisibleProcesses()
{
    errno = 0;
    const auto self = look(::getpid());
    if (self && self->pid == ::getpid())
        return;
    const bool noDescriptor = errno == EMFILE || errno == ENFILE;
    throwSystemError(std::string("the processes of the command could not be found and stopped when its lease ends (") +
                     (noDescriptor ? "raise the limit of open files, ulimit -n" : "mount /proc, also in a container or chroot") +
                     "): cannot read /proc/" + std::to_string(::getpid()) + "/stat");
}

std::vector<ProcessSeen> descendantsOf(pid_t ancestor)
{
    std::unordered_multimap<pid_t, ProcessSeen> byParent;
    for (const auto& process : allProcesses())
        byParent.emplace(process.parent, process);

    std::vector<ProcessSeen> found;
    const auto addChildrenOf = [&](pid_t parent)
    {
        const auto [begin, end] = byParent.equal_range(parent);
        for (auto child = begin; child != end; ++child)
            found.push_back(child->second);
        byParent.erase(begin, end); // each once, also if the snapshot is inconsistent and has a cycle
    };
    addChildrenOf(ancestor);
    for (std::size_t i = 0; i < found.size(); ++i)
        addChildrenOf(found[i].pid);
    return found;
}

bool signalProcess(const ProcessSeen& process, int number)
{
    const Descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
    if (!handle)
    {
        if (errno == ESRCH)
            return true;
        // There is no pidfd: signal the number, right after a second check of the start time.
        const auto now = look(process.pid);
        return !now || now->startTime != process.startTime || ::kill(process.pid, number) == 0 || errno == ESRCH;
    }
    const auto now = look(process.pid);
    if (!now || now->startTime != process.startTime)
        return true;
    return ::syscall(SYS_pidfd_send_signal, handle.get(), number, nullptr, 0) == 0 || errno == ESRCH;
}

void signalGroupOfChild(pid_t group, int number)
{
    siginfo_t info{};
    if (group > 0 && ::waitid(P_PGID, static_cast<id_t>(group), &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        ::kill(-group, number);
}

} // namespace Leasehold::Tool
