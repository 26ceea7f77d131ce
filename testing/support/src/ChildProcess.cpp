#include "Leasehold/ChildProcess.h"

#include "Leasehold/waitUntil.h"

#include <Poco/Exception.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold
{
namespace
{

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
    int takeEnd(int index) { return std::exchange(_ends[index], -1); }

private:
    int _ends[2] = {-1, -1};
};

std::vector<char*> pointers(const std::vector<std::string>& texts)
{
    std::vector<char*> result;
    for (const auto& text : texts)
        result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

int appendTo(const std::string& file)
{
    return ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/// In the child; only async-signal-safe calls. False: errno says why.
bool connectStandardStreams(const ChildOptions& options, int input, int output)
{
    const int in = options.readsInput ? input : ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int inherited = options.writesToPipe ? output : STDOUT_FILENO;
    const int out = options.outputFile.empty() ? inherited : appendTo(options.outputFile);
    const int err = options.errorFile.empty() ? STDERR_FILENO : appendTo(options.errorFile);
    return in >= 0 && out >= 0 && err >= 0 && ::dup2(err, STDERR_FILENO) >= 0 && ::dup2(in, STDIN_FILENO) >= 0 &&
           ::dup2(out, STDOUT_FILENO) >= 0;
}

/// In the child; only async-signal-safe calls. False: errno says why.
bool takeOptions(const ChildOptions& options, pid_t parent, int report)
{
    if (options.leadsGroup)
        ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    if (options.ignoredSignal != 0)
        ::signal(options.ignoredSignal, SIG_IGN);
    if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0)
        return false;
    if (options.user != 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(options.group, options.group, options.group) != 0 ||
                              ::setresuid(options.user, options.user, options.user) != 0))
        return false;
    // The last step: a change of the user clears it.
    if (options.diesWithStarter && (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent))
        return false;
    // The test itself may have been started with more descriptors; `report` closes by itself.
    for (int descriptor = STDERR_FILENO + 1; descriptor < 1024; ++descriptor)
    {
        if (descriptor != report)
            ::close(descriptor);
    }
    if (options.maximumDescriptor)
    {
        const rlimit few{*options.maximumDescriptor + 1, *options.maximumDescriptor + 1};
        return ::setrlimit(RLIMIT_NOFILE, &few) == 0;
    }
    return true;
}

} // namespace

ChildProcess::ChildProcess(std::vector<std::string> command, const ChildOptions& options) :
    _command(std::move(command)), _signalsGroup(options.leadsGroup && options.signalsGroup)
{
    const auto arguments = pointers(_command);
    const auto variables = options.environment.value_or(std::vector<std::string>{}); // must outlive the pointers to it
    const auto environment = pointers(variables);
    Pipe input, output, report;
    const pid_t parent = ::getpid();
    _pid = ::fork();
    if (_pid < 0)
        fail(std::string("could not be forked: ") + std::strerror(errno));
    if (_pid == 0)
    {
        if (connectStandardStreams(options, input.readEnd(), output.writeEnd()) && takeOptions(options, parent, report.writeEnd()))
            ::execvpe(arguments[0], arguments.data(), options.environment ? environment.data() : environ);
        const int error = errno;
        // If the parent does not hear of the error, it sees the exit status.
        [[maybe_unused]] const auto written = ::write(report.writeEnd(), &error, sizeof error);
        ::_exit(127);
    }

    if (options.leadsGroup)
        ::setpgid(_pid, _pid); // whichever of the two is first: a signal must not come before the group is there
    if (options.readsInput)
        _input = input.takeEnd(1);
    if (options.outputFile.empty() && options.writesToPipe)
        _output = output.takeEnd(0);
    report.closeEnd(1);
    int error = 0;
    ssize_t got = 0;
    do
        got = ::read(report.readEnd(), &error, sizeof error);
    while (got < 0 && errno == EINTR);
    if (got == sizeof error)
    {
        closeAll();
        ::waitpid(_pid, nullptr, 0);
        fail(std::string("could not be started: ") + std::strerror(error));
    }
}

ChildProcess::~ChildProcess()
{
    closeAll();
    kill();
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept :
    _command(std::move(other._command)), _signalsGroup(other._signalsGroup), _pid(std::exchange(other._pid, -1)),
    _input(std::exchange(other._input, -1)), _output(std::exchange(other._output, -1)), _status(other._status),
    _heard(std::move(other._heard))
{
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept
{
    std::swap(_command, other._command);
    std::swap(_signalsGroup, other._signalsGroup);
    std::swap(_pid, other._pid);
    std::swap(_input, other._input);
    std::swap(_output, other._output);
    std::swap(_status, other._status);
    std::swap(_heard, other._heard);
    return *this;
}

void ChildProcess::fail(const std::string& what) const
{
    std::string whole;
    for (const auto& word : _command)
        whole += (whole.empty() ? "" : " ") + word;
    throw Poco::RuntimeException("process \"" + whole + "\" " + what);
}

void ChildProcess::closeAll()
{
    for (int* const descriptor : {&_input, &_output})
    {
        if (*descriptor >= 0)
            ::close(*descriptor);
        *descriptor = -1;
    }
}

void ChildProcess::tell(const std::string& line)
{
    const std::string text = line + "\n";
    // So short a text goes into a pipe whole. POCO blocks SIGPIPE, which would end the test.
    if (::write(_input, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        fail("cannot be told \"" + line + "\": " + std::strerror(errno));
}

void ChildProcess::closeInput()
{
    if (_input >= 0)
        ::close(std::exchange(_input, -1));
}

bool ChildProcess::readMore(std::chrono::steady_clock::time_point deadline, Milliseconds limit)
{
    for (;;)
    {
        const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            fail("wrote nothing for " + formatDuration(limit));
        pollfd ready{_output, POLLIN, 0};
        if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
            continue;
        char buffer[4096];
        const auto got = ::read(_output, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        _heard.append(buffer, static_cast<std::size_t>(got));
        return true;
    }
}

std::string ChildProcess::hear(Milliseconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    auto end = _heard.find('\n');
    for (; end == std::string::npos; end = _heard.find('\n'))
    {
        if (!readMore(deadline, limit))
            fail("ended before it wrote the expected line; its last words: \"" + _heard + "\"");
    }
    const auto line = _heard.substr(0, end);
    _heard.erase(0, end + 1);
    return line;
}

std::string ChildProcess::hearAll(Milliseconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (readMore(deadline, limit))
    {
    }
    return std::exchange(_heard, {});
}

void ChildProcess::signal(int number)
{
    if (_status || _pid <= 0 || ::kill(_signalsGroup ? -_pid : _pid, number) != 0)
        fail("cannot be sent signal " + std::to_string(number));
}

void ChildProcess::pause()
{
    signal(SIGSTOP);
    int status = 0;
    // The kernel reports the stop when the last thread has stopped.
    const bool isReported = waitUntil([&] { return ::waitpid(_pid, &status, WNOHANG | WUNTRACED) == _pid; }, std::chrono::seconds{30});
    if (isReported && WIFSTOPPED(status))
        return;
    if (isReported)
        reap(status);
    fail(isReported ? "had ended (" + std::to_string(*_status) + ") when it was to be stopped" : "has not stopped 30 s after SIGSTOP");
}

void ChildProcess::resume()
{
    signal(SIGCONT);
}

void ChildProcess::kill()
{
    if (_status || _pid <= 0)
        return;
    ::kill(_signalsGroup ? -_pid : _pid, SIGKILL);
    int status = 0;
    while (::waitpid(_pid, &status, 0) < 0 && errno == EINTR)
    {
    }
    reap(status);
}

void ChildProcess::reap(int status)
{
    _status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool ChildProcess::hasEnded()
{
    int status = 0;
    if (!_status && _pid > 0 && ::waitpid(_pid, &status, WNOHANG) == _pid)
        reap(status);
    return _status || _pid <= 0;
}

int ChildProcess::wait(Milliseconds limit)
{
    if (!waitUntil([this] { return hasEnded(); }, limit))
        fail("did not end within " + formatDuration(limit));
    return *_status;
}

} // namespace Leasehold
