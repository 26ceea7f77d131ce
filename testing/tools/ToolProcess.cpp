#include "ToolProcess.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/TestAssert.h>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace Leasehold
{

namespace
{

constexpr std::chrono::seconds patience{60};

std::string nextBase(const std::string& folder)
{
    static std::atomic<int> count{0};
    return folder + "/process" + std::to_string(++count);
}

[[noreturn]] void become(const std::vector<char*>& words, const std::string& base, const ToolProcess::Options& options)
{
    ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (options.ignoredSignal != 0)
        ::signal(options.ignoredSignal, SIG_IGN);
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    ::dup2(::open((base + ".out").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDOUT_FILENO);
    ::dup2(::open((base + ".err").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
    for (int descriptor = STDERR_FILENO + 1; descriptor < 1024; ++descriptor) // what the test was started with
        ::close(descriptor);
    if (options.capsOpenFiles)
    {
        const rlimit few{STDERR_FILENO + 3, STDERR_FILENO + 3}; // UndefinedBehaviorSanitizer needs two for a moment
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    ::execv(words[0], words.data());
    ::_exit(127);
}

} // namespace

ToolProcess::ToolProcess(const std::vector<std::string>& words, const Options& options) : _base(nextBase(options.folder))
{
    std::vector<char*> arguments;
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    _pid = ::fork();
    CPPUNIT_ASSERT(_pid >= 0);
    if (_pid == 0)
        become(arguments, _base, options);
    ::setpgid(_pid, _pid);
}

ToolProcess::ToolProcess(ToolProcess&& other) noexcept :
    _base(std::move(other._base)), _pid(std::exchange(other._pid, -1)), _status(other._status)
{
}

ToolProcess::~ToolProcess()
{
    if (_pid < 0 || _status)
        return;
    ::kill(_pid, SIGKILL); // its guardian kills the rest
    ::waitpid(_pid, nullptr, 0);
}

void ToolProcess::signal(int number) const
{
    CPPUNIT_ASSERT(!_status);
    CPPUNIT_ASSERT_EQUAL(0, ::kill(_pid, number));
}

bool ToolProcess::hasEnded()
{
    int status = 0;
    if (!_status && ::waitpid(_pid, &status, WNOHANG) == _pid)
        _status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return _status.has_value();
}

int ToolProcess::wait()
{
    CPPUNIT_ASSERT_MESSAGE("still running; it said: " + errors(), waitUntil([this] { return hasEnded(); }, patience));
    return *_status;
}

bool ToolProcess::isStopped() const
{
    return stateOf(_pid) == 'T';
}

std::string ToolProcess::output() const
{
    return contentOf(_base + ".out");
}

std::string ToolProcess::errors() const
{
    return contentOf(_base + ".err");
}

std::string contentOf(const std::string& path)
{
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void writeFile(const std::string& path, const std::string& content)
{
    std::ofstream file(path);
    file << content << std::flush;
    CPPUNIT_ASSERT_MESSAGE(path, file.good());
}

bool exists(const std::string& path)
{
    return ::access(path.c_str(), F_OK) == 0;
}

char stateOf(pid_t pid)
{
    const auto stat = contentOf("/proc/" + std::to_string(pid) + "/stat");
    const auto name = stat.rfind(')');
    return name == std::string::npos || name + 2 >= stat.size() ? 'X' : stat[name + 2];
}

std::vector<pid_t> childrenOf(pid_t pid)
{
    std::istringstream list(contentOf("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children"));
    std::vector<pid_t> children;
    for (pid_t child = 0; list >> child;)
        children.push_back(child);
    return children;
}

} // namespace Leasehold
