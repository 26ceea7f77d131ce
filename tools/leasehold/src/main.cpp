#include "Command.h"
#include "ExitStatus.h"
#include "Failure.h"
#include "Help.h"
#include "Messages.h"
#include "StoreChoice.h"
#include "UsageError.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <iostream>
#include <poll.h>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

constexpr std::array<const Command*, 5> commands = {&runCommand, &listCommand, &showCommand, &breakCommand, &checkCommand};

const Command& commandNamed(const std::string& name)
{
    const auto found = std::find_if(commands.begin(), commands.end(), [&](const Command* one) { return one->name == name; });
    if (found == commands.end())
        throw UsageError("there is no command \"" + name + "\": the commands are run, list, show, break and check");
    return **found;
}

/// The options of the command, those that say which store, and those of the program.
std::vector<OptionSpec> allOptions(std::span<const OptionSpec> own)
{
    std::vector<OptionSpec> all(own.begin(), own.end());
    const auto store = storeOptions();
    all.insert(all.end(), store.begin(), store.end());
    all.insert(all.end(),
               {{"--quiet", "", "leave out routine messages: which store is used if none was given, that another holds the lock"},
                {"--help", "", "show this help"}});
    return all;
}

int runProgram(const std::vector<std::string>& words)
{
    auto general = allOptions({});
    general.push_back({"--version", "", "show the version"});
    CommandLine line(words, general);
    if (line.has("--version"))
    {
        std::cout << "leasehold " << LEASEHOLD_VERSION << '\n';
        return exitSuccess;
    }
    if (line.command().empty())
    {
        if (!line.has("--help"))
            throw UsageError("a command is missing: run, list, show, break or check");
        std::cout << programHelp(commands, general);
        return exitSuccess;
    }
    const auto& command = commandNamed(line.command());
    const auto known = allOptions(command.options);
    line.parseCommand(known);
    if (line.has("--help"))
    {
        std::cout << commandHelp(command, known);
        return exitSuccess;
    }
    return command.run(line, words);
}

/// Standard output could not take everything. If its reader has gone (`| head`), this program ends by SIGPIPE, like any other.
int outputFailed()
{
    pollfd output{STDOUT_FILENO, 0, 0};
    if (::poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0)
    {
        sigset_t pipe;
        ::sigemptyset(&pipe);
        ::sigaddset(&pipe, SIGPIPE);
        ::signal(SIGPIPE, SIG_DFL);
        ::pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr); // POCO blocks it
        ::raise(SIGPIPE);
    }
    Messages::say("standard output cannot be written to");
    return exitInternal;
}

/// Opens the standard descriptors that are closed, so that no file opened later gets their numbers (the guardian replaces them). What
/// takes their place fails like a closed one: reading standard input fails, and so does writing the others.
void occupyStandardDescriptors()
{
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(standard, F_GETFD) < 0)
            ::open("/dev/null", standard == STDIN_FILENO ? O_WRONLY : O_RDONLY); // takes the lowest free number, which is this one
}

} // namespace

} // namespace Leasehold::Tool

int main(int argc, char** argv)
{
    using namespace Leasehold::Tool;
    occupyStandardDescriptors();
    try
    {
        const int status = runProgram(std::vector<std::string>(argv + 1, argv + argc));
        return std::cout.flush() ? status : outputFailed();
    }
    catch (...)
    {
        const auto failure = Failure::of(std::current_exception());
        Messages::say(failure.message + (failure.status == exitUsage ? " (see leasehold --help)" : ""));
        return failure.status;
    }
}
