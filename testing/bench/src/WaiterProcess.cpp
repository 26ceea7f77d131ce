#include "WaiterProcess.h"

#include <cstring>
#include <fcntl.h>
#include <stdexcept>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold::Bench
{

WaiterProcess::WaiterProcess(const std::string& url, const std::string& index)
{
    int input[2], output[2];
    if (::pipe2(input, O_CLOEXEC) != 0)
        throw std::runtime_error(std::string("pipe2: ") + std::strerror(errno));
    if (::pipe2(output, O_CLOEXEC) != 0)
    {
        const int error = errno;
        ::close(input[0]), ::close(input[1]);
        throw std::runtime_error(std::string("pipe2: ") + std::strerror(error));
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    std::string program = LEASEHOLD_BENCH_WAITER, ofUrl = url, ofIndex = index;
    char* const arguments[] = {program.data(), ofUrl.data(), ofIndex.data(), nullptr};
    const int error = ::posix_spawn(&_process, arguments[0], &actions, nullptr, arguments, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(output[1]);
    _to = ::fdopen(input[1], "w");
    _from = ::fdopen(output[0], "r");
    if (error != 0 || !_to || !_from)
    {
        if (_to)
            std::fclose(_to);
        if (_from)
            std::fclose(_from);
        throw std::runtime_error("cannot run " + program + ": " + std::strerror(error));
    }
}

WaiterProcess::~WaiterProcess()
{
    std::fclose(_to); // the end of its input
    std::fclose(_from);
    ::waitpid(_process, nullptr, 0);
}

std::string WaiterProcess::readWord()
{
    char word[64];
    if (std::fscanf(_from, "%63s", word) != 1)
        throw std::runtime_error("a process that waited for a lock has ended");
    return word;
}

void WaiterProcess::awaitReady()
{
    if (const auto word = readWord(); word != "ready")
        throw std::runtime_error("a process that shall wait for a lock said \"" + word + "\"");
}

void WaiterProcess::wait(const std::string& name, Milliseconds limit)
{
    std::fprintf(_to, "%s %lld\n", name.c_str(), static_cast<long long>(limit.count()));
    std::fflush(_to);
}

WaiterProcess::Answer WaiterProcess::answer()
{
    Answer answer;
    answer.granted = readWord() == "granted";
    answer.at = LocalTime(Clock::duration(std::stoll(readWord())));
    answer.asked = std::stoul(readWord());
    return answer;
}

} // namespace Leasehold::Bench
