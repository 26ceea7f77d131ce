#include "Leasehold/TestProgram.h"

#include "Leasehold/waitUntil.h"

#include <Poco/Exception.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold
{
namespace
{

[[noreturn]] void fail(const std::vector<std::string>& command, const std::string& what)
{
    std::string whole;
    for (const auto& word : command)
        whole += (whole.empty() ? "" : " ") + word;
    throw Poco::RuntimeException("process \"" + whole + "\" " + what);
}

void close(int& descriptor)
{
    if (descriptor >= 0)
        ::close(descriptor);
    descriptor = -1;
}

} // namespace

TestProgram::TestProgram(std::vector<std::string> command) : _command(std::move(command))
{
    std::vector<char*> arguments;
    for (auto& word : _command)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);

    int input[2] = {-1, -1};
    int output[2] = {-1, -1};
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0)
        fail(_command, std::string("got no pipes: ") + std::strerror(errno));
    const pid_t parent = ::getpid();
    _pid = ::fork();
    if (_pid == 0)
    {
        // Only async-signal-safe calls from here to exec.
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::signal(SIGPIPE, SIG_DFL);
        if (::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent && ::dup2(input[0], 0) >= 0 && ::dup2(output[1], 1) >= 0)
            ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    const int error = errno;
    close(input[0]);
    close(output[1]);
    _input = input[1];
    _output = output[0];
    if (_pid < 0)
    {
        close(_input);
        close(_output);
        fail(_command, std::string("could not be forked: ") + std::strerror(error));
    }
}

TestProgram::~TestProgram()
{
    close(_input);
    close(_output);
    if (_pid > 0)
    {
        ::kill(_pid, SIGKILL);
        while (::waitpid(_pid, nullptr, 0) < 0 && errno == EINTR)
        {
        }
    }
}

void TestProgram::tell(const std::string& line)
{
    const std::string text = line + "\n";
    // So short a text goes into a pipe whole; SIGPIPE is blocked or ignored by POCO, and would end the test otherwise.
    if (::write(_input, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        fail(_command, "cannot be told \"" + line + "\": " + std::strerror(errno));
}

std::string TestProgram::hear(Milliseconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;)
    {
        if (const auto end = _heard.find('\n'); end != std::string::npos)
        {
            const auto line = _heard.substr(0, end);
            _heard.erase(0, end + 1);
            return line;
        }
        const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            fail(_command, "said nothing for " + formatDuration(limit));
        pollfd ready{_output, POLLIN, 0};
        if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
            continue;
        char buffer[4096];
        const auto got = ::read(_output, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            fail(_command, "ended before it said what was expected; its last words: \"" + _heard + "\"");
        _heard.append(buffer, static_cast<std::size_t>(got));
    }
}

void TestProgram::closeInput()
{
    close(_input);
}

void TestProgram::signal(int number)
{
    if (_pid < 0 || ::kill(_pid, number) != 0)
        fail(_command, "cannot be sent signal " + std::to_string(number));
}

void TestProgram::pause()
{
    signal(SIGSTOP);
    int status = 0;
    while (::waitpid(_pid, &status, WUNTRACED) < 0 && errno == EINTR)
    {
    }
    if (!WIFSTOPPED(status))
    {
        _pid = -1;
        _status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        fail(_command, "had ended (" + std::to_string(_status) + ") when it was to be stopped");
    }
}

void TestProgram::resume()
{
    signal(SIGCONT);
}

void TestProgram::kill()
{
    signal(SIGKILL);
    wait();
}

int TestProgram::wait(Milliseconds limit)
{
    const auto ended = [this]
    {
        int status = 0;
        if (_pid > 0 && ::waitpid(_pid, &status, WNOHANG) == _pid)
        {
            _pid = -1;
            _status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        return _pid < 0;
    };
    if (!waitUntil(ended, limit))
        fail(_command, "did not end within " + formatDuration(limit));
    return _status;
}

} // namespace Leasehold
