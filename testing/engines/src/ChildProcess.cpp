#include "ChildProcess.h"

#include <Poco/Exception.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold
{

namespace
{

struct User
{
    uid_t uid = 0;
    gid_t gid = 0;
};

/// Whom a child runs as; 0: as ourselves.
User childUser()
{
    if (::geteuid() != 0)
        return {};
    const passwd* const nobody = ::getpwnam("nobody");
    if (nobody == nullptr)
        throw Poco::RuntimeException("engines refuse to run as root, and there is no user \"nobody\": run the tests as another user");
    return {nobody->pw_uid, nobody->pw_gid};
}

std::vector<char*> pointers(const std::vector<std::string>& texts)
{
    std::vector<char*> result;
    for (const auto& text : texts)
        result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

/// Both ends are closed on exec.
class Pipe
{
public:
    Pipe()
    {
        if (::pipe2(_ends, O_CLOEXEC) != 0)
            throw Poco::RuntimeException(std::string("cannot make a pipe: ") + std::strerror(errno));
    }
    ~Pipe()
    {
        closeEnd(0);
        closeEnd(1);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    int readEnd() const { return _ends[0]; }
    int writeEnd() const { return _ends[1]; }
    void closeEnd(int index)
    {
        if (_ends[index] >= 0)
            ::close(_ends[index]);
        _ends[index] = -1;
    }
    int takeWriteEnd() { return std::exchange(_ends[1], -1); }

private:
    int _ends[2] = {-1, -1};
};

[[noreturn]] void failInChild(int report)
{
    const int error = errno;
    // Nothing can be done in the child if the parent does not hear: it sees the exit status then.
    [[maybe_unused]] const auto written = ::write(report, &error, sizeof error);
    ::_exit(127);
}

} // namespace

ChildProcess::~ChildProcess()
{
    kill();
}

void ChildProcess::start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, const std::string& folder,
                         const std::string& log)
{
    kill();
    const User user = childUser();
    const auto argv = pointers(arguments);
    const auto envp = pointers(environment);
    Pipe input;
    Pipe report;
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0)
        throw Poco::RuntimeException(std::string("cannot fork: ") + std::strerror(errno));
    if (child == 0)
    {
        // Only async-signal-safe calls from here to exec. The death signal comes last: a change of user clears it.
        ::setpgid(0, 0);
        const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (output < 0 || ::dup2(input.readEnd(), 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0 || ::chdir(folder.c_str()) != 0)
            failInChild(report.writeEnd());
        if (user.uid != 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0 ||
                              ::setresuid(user.uid, user.uid, user.uid) != 0))
            failInChild(report.writeEnd());
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::signal(SIGPIPE, SIG_DFL);
        if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
            failInChild(report.writeEnd());
        if (::getppid() != parent)
            ::_exit(127);
        ::execve(argv[0], argv.data(), envp.data());
        failInChild(report.writeEnd());
    }

    ::setpgid(child, child);
    _pid = child;
    _input = input.takeWriteEnd();
    report.closeEnd(1);
    int error = 0;
    ssize_t got = 0;
    do
        got = ::read(report.readEnd(), &error, sizeof error);
    while (got < 0 && errno == EINTR);
    if (got == sizeof error)
    {
        kill();
        throw Poco::RuntimeException("cannot start " + arguments[0] + ": " + std::strerror(error));
    }
}

bool ChildProcess::isRunning()
{
    if (_pid < 0)
        return false;
    int status = 0;
    if (::waitpid(_pid, &status, WNOHANG) != _pid)
        return true;
    _pid = -1;
    closeInput();
    return false;
}

void ChildProcess::signal(int number)
{
    if (_pid > 0 && ::kill(-_pid, number) != 0)
        throw Poco::RuntimeException("cannot signal process group " + std::to_string(_pid) + ": " + std::strerror(errno));
}

void ChildProcess::kill()
{
    if (_pid > 0)
    {
        ::kill(-_pid, SIGKILL);
        int status = 0;
        while (::waitpid(_pid, &status, 0) < 0 && errno == EINTR)
        {
        }
        _pid = -1;
    }
    closeInput();
}

void ChildProcess::closeInput()
{
    if (_input >= 0)
        ::close(_input);
    _input = -1;
}

void giveToChildUser(const std::string& folder)
{
    const User user = childUser();
    if (user.uid == 0)
        return;
    const auto give = [&user](const std::string& path)
    {
        if (::lchown(path.c_str(), user.uid, user.gid) != 0)
            throw Poco::RuntimeException("cannot give " + path + " to the engine's user: " + std::strerror(errno));
    };
    give(folder);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        give(entry.path().string());
}

std::string outputOf(const std::vector<std::string>& arguments)
{
    const auto argv = pointers(arguments);
    Pipe output;
    const pid_t child = ::fork();
    if (child < 0)
        throw Poco::RuntimeException(std::string("cannot fork: ") + std::strerror(errno));
    if (child == 0)
    {
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        if (::dup2(output.writeEnd(), 1) >= 0)
            ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    output.closeEnd(1);
    std::string text;
    char buffer[4096];
    for (;;)
    {
        const auto got = ::read(output.readEnd(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        text.append(buffer, static_cast<std::size_t>(got));
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw Poco::RuntimeException(arguments[0] + " failed; what it says is above");
    return text;
}

} // namespace Leasehold
