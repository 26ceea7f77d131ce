#include "SampleRun.h"

#include "Leasehold/waitUntil.h"

#include <Poco/Pipe.h>
#include <Poco/PipeStream.h>
#include <Poco/Process.h>

#include <csignal>
#include <istream>
#include <mutex>
#include <thread>

namespace Leasehold
{

struct SampleRun::State
{
    State(const std::string& program, const std::vector<std::string>& arguments) :
        process(Poco::Process::launch(program, arguments, nullptr, &pipe, &pipe)), reader([this] { read(); })
    {
    }

    void read()
    {
        Poco::PipeInputStream stream(pipe);
        for (std::string line; std::getline(stream, line);)
        {
            const std::lock_guard guard(mutex);
            printed += line + '\n';
        }
    }

    Poco::Pipe pipe;
    Poco::ProcessHandle process;
    mutable std::mutex mutex;
    std::string printed;
    int status = -1;
    bool ended = false;
    std::jthread reader; // last: it uses the others
};

SampleRun::SampleRun(const std::string& program, const std::vector<std::string>& arguments) :
    _state(std::make_unique<State>(program, arguments))
{
}

SampleRun::~SampleRun()
{
    if (!_state->ended)
        exitStatus(Milliseconds{0});
}

bool SampleRun::says(const std::string& text, Milliseconds limit)
{
    return waitUntil([&] { return output().find(text) != std::string::npos; }, limit);
}

int SampleRun::exitStatus(Milliseconds limit)
{
    if (_state->ended)
        return _state->status;
    const auto hasEnded = [&] { return (_state->status = _state->process.tryWait()) != -1; };
    const bool inTime = waitUntil(hasEnded, limit);
    // First asked, so that it can end what it has started itself, which would keep the pipe open.
    if (!inTime && (::kill(_state->process.id(), SIGTERM) != 0 || !waitUntil(hasEnded, std::chrono::seconds{5})))
    {
        ::kill(_state->process.id(), SIGKILL);
        _state->process.wait();
    }
    _state->ended = true;
    _state->reader.join(); // the pipe ends with the process
    return inTime ? _state->status : -1;
}

std::string SampleRun::output() const
{
    const std::lock_guard guard(_state->mutex);
    return _state->printed;
}

int SampleRun::pid() const
{
    return _state->process.id();
}

} // namespace Leasehold
