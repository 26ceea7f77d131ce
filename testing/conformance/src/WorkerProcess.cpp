#include "WorkerProcess.h"

#include "Leasehold/waitUntil.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold
{

WorkerProcess::WorkerProcess(const std::vector<std::string>& prefix, const std::vector<std::string>& arguments)
{
    auto command = prefix;
    command.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::vector<char*> words;
    for (auto& word : command)
        words.push_back(word.data());
    words.push_back(nullptr);

    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    const int error = ::posix_spawnp(&_process, words.front(), nullptr, &attributes, words.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0)
    {
        _process = -1;
        throw std::runtime_error("the kit cannot start " + command.front() + ": " + std::strerror(error));
    }
}

WorkerProcess::~WorkerProcess()
{
    if (_process > 0)
        kill();
}

WorkerProcess::WorkerProcess(WorkerProcess&& other) noexcept : _process(std::exchange(other._process, -1)), _status(other._status) {}

WorkerProcess& WorkerProcess::operator=(WorkerProcess&& other) noexcept
{
    std::swap(_process, other._process);
    std::swap(_status, other._status);
    return *this;
}

void WorkerProcess::signal(int number) const
{
    if (_process > 0)
        ::kill(-_process, number);
}

void WorkerProcess::kill()
{
    signal(SIGKILL);
    wait();
}

bool WorkerProcess::hasEnded()
{
    int status = 0;
    if (_process > 0 && ::waitpid(_process, &status, WNOHANG) == _process)
    {
        _process = -1;
        _status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return _process <= 0;
}

int WorkerProcess::wait()
{
    return waitUntil([this] { return hasEnded(); }, std::chrono::seconds{60}) ? _status : -1;
}

} // namespace Leasehold
