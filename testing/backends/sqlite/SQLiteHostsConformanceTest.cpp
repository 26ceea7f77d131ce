#include "Leasehold/TestRunner.h"
#include "Leasehold/registerConformance.h"
#include "SQLiteHarness.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include <unistd.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;
using Command = std::vector<std::string>;

/// The stdout and stderr of a command.
std::string outputOf(const Command& command)
{
    std::string line;
    for (const auto& word : command)
        line += "'" + word + "' "; // our words have no apostrophe
    std::FILE* const pipe = ::popen((line + "2>&1").c_str(), "r");
    if (pipe == nullptr)
        throw std::runtime_error("cannot start " + line);
    std::string output;
    std::array<char, 256> part{};
    while (std::fgets(part.data(), part.size(), pipe) != nullptr)
        output += part.data();
    ::pclose(pipe); // the output shows whether it succeeded
    return output;
}

/// The beginning of a command that makes a namespace. Other users than root need a user namespace around it.
Command unshare(const Command& arguments)
{
    Command command{"unshare"};
    if (::geteuid() != 0)
        command.insert(command.end(), {"--user", "--map-root-user"});
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

/// Leaves out the tests with processes if a process with this beginning of its command does not read the expected text.
std::map<Capability, std::string> unlessItReads(Command command, const std::string& file, const std::string& expected)
{
    command.insert(command.end(), {"cat", file});
    auto output = outputOf(command);
    if (output.find(expected) != std::string::npos)
        return {};
    std::replace(output.begin(), output.end(), '\n', ' ');
    return {{Capability::processes, command.front() + ' ' + command.at(1) + " is not allowed: " + output}};
}

/// Two processes of one host, the second in a time namespace of its own, whose boot clock is ahead.
class TimeNamespaceHarness : public SQLiteOneBootHarness
{
protected:
    SQLiteHostClocks clocksOf(unsigned view) override
    {
        auto clocks = SQLiteOneBootHarness::clocksOf(view);
        if (view % 2 == 1)
        {
            clocks.boottime = [this] { return std::chrono::nanoseconds(boottime()) + 100h; };
            clocks.boottimeOffset = [] { return std::chrono::nanoseconds(100h); };
        }
        return clocks;
    }
};

/// The same for the kit's processes: the boot clocks of the paused and killed ones are ahead of the host's by different spans.
class TimeNamespaceProcesses : public WithSQLiteProcesses<TimeNamespaceHarness>
{
public:
    Command commandPrefix(unsigned worker) const override { return worker % 2 == 0 ? ahead(worker % 4 == 0 ? "360000" : "7") : Command{}; }

    static std::map<Capability, std::string> notAllowedHere()
    {
        return unlessItReads(ahead("360000"), "/proc/self/timens_offsets", "360000");
    }

private:
    static Command ahead(const std::string& seconds) { return unshare({"--fork", "--time", "--boottime", seconds}); }
};

/// Two processes of one host with different boot ids, as in containers: each judges the other's leases by the wall clock.
class BootIdHarness : public SQLiteHarness
{
protected:
    SQLiteHostClocks clocksOf(unsigned view) override
    {
        auto clocks = SQLiteHarness::clocksOf(view);
        if (view % 2 == 1)
            clocks.bootId = [this] { return "container " + bootId(); };
        return clocks;
    }
};

/// The same for the kit's processes: the paused and killed ones are in the container.
class BootIdProcesses : public WithSQLiteProcesses<BootIdHarness>
{
public:
    Command commandPrefix(unsigned worker) const override { return worker % 2 == 0 ? inside() : Command{}; }
    static std::map<Capability, std::string> notAllowedHere() { return unlessItReads(inside(), kernelFile, otherId); }

private:
    static constexpr const char* kernelFile = "/proc/sys/kernel/random/boot_id";
    static constexpr const char* otherId = "5ca1ab1e-0b00-4000-8000-00000000cafe";

    static Command inside()
    {
        static const TestDirectory directory;
        static const auto file = []
        {
            const auto path = directory.file("boot_id");
            std::ofstream(path) << otherId << std::endl;
            return path;
        }();
        return unshare({"--mount", "sh", "-c", std::string("mount --bind \"$0\" ") + kernelFile + " && exec \"$@\"", file});
    }
};

template <typename Harness>
void registerWhereAllowed(const std::string& name)
{
    auto kind = harnessKind<Harness>(name, [] { return std::make_unique<Harness>(); });
    kind.notAllowedHere = &Harness::notAllowedHere;
    registerConformance(std::move(kind));
}

} // namespace
} // namespace Leasehold

int main(int argc, char** argv)
{
    using namespace Leasehold;
    registerWhereAllowed<TimeNamespaceProcesses>("sqlite_time_namespace");
    registerWhereAllowed<BootIdProcesses>("sqlite_boot_id");
    return runTests(argc, argv);
}
