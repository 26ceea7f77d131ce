#include "Leasehold/Workload.h"

#include "Leasehold/UpdateFile.h"

#include <Poco/Exception.h>
#include <Poco/File.h>

#include <algorithm>
#include <fstream>
#include <thread>
#include <utility>

namespace Leasehold
{

std::string resourceFile(const std::string& folder, const std::string& lock, const std::string& resource)
{
    return folder + "/" + lock + "." + resource;
}

std::string workloadLock(std::size_t index)
{
    return "lock-" + std::to_string(index);
}

Workload::Workload(std::string storeUrl, std::uint64_t seed) : _storeUrl(std::move(storeUrl)), _seed(seed), _workers(processes)
{
    Poco::File(_folder.path()).createDirectories();
    for (std::size_t index = 0; index < processes; ++index)
        start(index);
    for (auto& worker : _workers)
    {
        if (worker.process->hear() != "ready")
            throw Poco::RuntimeException("a process of the workload did not say that it is ready");
    }
}

void Workload::start(std::size_t index)
{
    auto& worker = _workers[index];
    const auto name = "w" + std::to_string(index) + "." + std::to_string(worker.lives++);
    _names.push_back(name);
    worker.process = std::make_unique<ChildProcess>(std::vector<std::string>{
        LEASEHOLD_FAULT_WORKER, _storeUrl, _folder.path(), historyOf(name), name, std::to_string(_seed + index + 1000 * worker.lives)});
}

void Workload::suffer(const std::vector<FaultStep>& schedule, FaultyProxy* proxy)
{
    const auto began = std::chrono::steady_clock::now();
    for (const auto& step : schedule)
    {
        std::this_thread::sleep_until(began + step.at);
        auto& worker = _workers[step.process];
        switch (step.what)
        {
        case FaultStep::What::network:
            proxy->set(step.fault, step.delay);
            break;
        case FaultStep::What::kill:
            worker.process->kill();
            ++_killed;
            start(step.process);
            break;
        case FaultStep::What::pause:
            worker.process->pause();
            worker.isPaused = true;
            ++_paused;
            break;
        case FaultStep::What::resume:
            worker.process->resume();
            worker.isPaused = false;
            break;
        }
    }
}

void Workload::work(Milliseconds duration)
{
    std::this_thread::sleep_for(duration);
}

const std::vector<HostTime>& Workload::grants()
{
    for (const auto& name : _names)
    {
        auto& counted = _counted[name];
        std::ifstream history(historyOf(name), std::ios::binary); // a process that was killed at once has none
        history.seekg(counted);
        for (std::string line; std::getline(history, line) && !history.eof();) // a line without an end is incomplete
        {
            counted += static_cast<std::streamoff>(line.size() + 1);
            if (const auto event = parseHistoryLine(line); event.kind == HistoryKind::granted)
                _grants.push_back(event.time);
        }
    }
    return _grants;
}

Milliseconds Workload::sufferUntilGranted(std::uint64_t seed, Milliseconds duration, HostTime began)
{
    suffer(faultSchedule(seed, duration, processes, false), nullptr);
    // More grants than can have been under way.
    const auto enough = grants().size() + 2 * processes;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (grants().size() < enough)
    {
        if (std::chrono::steady_clock::now() >= deadline)
            throw Poco::RuntimeException("no lock is granted any more");
        work(Milliseconds(100)); // reading the histories also loads this machine
    }
    return std::chrono::ceil<Milliseconds>(longestWithoutGrant(began));
}

std::chrono::nanoseconds Workload::longestWithoutGrant(HostTime since)
{
    auto times = grants();
    std::sort(times.begin(), times.end());
    HostTime last = since, longest = 0;
    for (const auto time : times)
    {
        if (time > since)
            longest = std::max(longest, time - std::exchange(last, time));
    }
    return std::chrono::nanoseconds(longest);
}

HistoryFindings Workload::finish()
{
    for (auto& worker : _workers)
    {
        if (worker.isPaused)
            worker.process->resume();
        worker.process->closeInput();
    }
    HistoryChecker checker;
    for (auto& worker : _workers)
    {
        if (const int status = worker.process->wait(); status != 0)
            throw Poco::RuntimeException("a process of the workload ended with status " + std::to_string(status));
    }
    for (const auto& name : _names)
    {
        // A process that was killed at once has no history.
        if (Poco::File(historyOf(name)).exists())
            checker.add(name, readHistory(historyOf(name)));
    }
    for (std::size_t index = 0; index < locks; ++index)
    {
        const auto lock = workloadLock(index);
        for (const auto* resource : {"guarded", "asking", "trusting"})
            checker.addResource(lock, resource, UpdateFile(resourceFile(_folder.path(), lock, resource)).read());
    }
    return checker.check();
}

} // namespace Leasehold
