#include "conformanceWorker.h"

#include "GuardedCounter.h"
#include "HarnessRegistry.h"
#include "LateVerb.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/CallContext.h"
#include "Leasehold/waitUntil.h"

#include <atomic>
#include <csignal>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

constexpr const char* workerMark = "--conformance-worker";
constexpr std::size_t fixedArguments = 6;

/// Makes the worker end when its test program ends.
constexpr auto longestLife = 3min;

std::atomic<bool> stopped{false};

struct Work
{
    std::shared_ptr<LockStore> store{};
    std::string lock{};
    Milliseconds ttl{};
    std::vector<std::string> files{};

    CallContext context() const { return CallContext::within(10s); }
    AcquireReply acquire(const std::string& token) const { return store->acquire({lock, token, ttl, "{}", 0}, context()); }
    RenewStatus renew(const LeaseRef& lease) const
    {
        const std::vector<RenewRequest> requests{{lease, ttl}};
        return store->renew(requests, context()).at(0).status;
    }
};

/// Writes the file atomically, so that no reader sees a partial file.
void publish(const std::string& path, const std::string& text)
{
    std::ofstream(path + ".part") << text << std::flush;
    std::filesystem::rename(path + ".part", path);
}

/// Increments the counter once under `lease`, which no other process can have before `until` by the local clock.
void countOnce(const Work& work, GuardedCounter& counter, const LeaseRef& lease, LocalTime until, std::minstd_rand& random,
               std::ofstream& problems)
{
    const auto clock = TimeSource::system();
    const auto isOurs = [&] { return clock->now() < until; };
    try
    {
        counter.enter(lease.fence);
        const auto value = counter.value();
        if (random() % 4 == 0)
        {
            const auto asked = clock->now();
            const auto status = work.renew(lease);
            if (status == RenewStatus::lost && isOurs())
                problems << "a lease with fence " << lease.fence << " was lost before its end" << std::endl;
            if (status == RenewStatus::renewed)
                until = asked + work.ttl - work.store->info().clockUncertainty;
        }
        std::this_thread::sleep_for(Milliseconds(random() % 4)); // the work
        counter.set(lease.fence, value + 1);
    }
    catch (const StaleFenceError&)
    {
        if (isOurs())
            problems << "another was granted the lock before the lease with fence " << lease.fence << " ended" << std::endl;
    }
    if (random() % 8 == 0)
        return; // without a release: the lease must expire
    if (work.store->release(lease, work.context()).status == ReleaseStatus::notHeld && isOurs())
        problems << "a release of fence " << lease.fence << " was refused before its end" << std::endl;
}

int count(const Work& work)
{
    std::signal(SIGTERM, [](int) { stopped = true; });
    GuardedCounter counter(work.files.at(0));
    std::ofstream problems(work.files.at(1), std::ios::app);
    std::minstd_rand random(std::random_device{}());
    const auto clock = TimeSource::system();
    const auto end = clock->now() + longestLife;
    while (!stopped && clock->now() < end)
    {
        try
        {
            const auto token = drawToken();
            const auto asked = clock->now();
            const auto reply = work.acquire(token);
            if (reply.status == AcquireStatus::granted)
                countOnce(work, counter, {work.lock, token, reply.record.fence},
                          asked + reply.record.remaining - work.store->info().clockUncertainty, random, problems);
            else if (reply.status == AcquireStatus::spent)
                problems << "a token that was never used was spent" << std::endl;
            else
                std::this_thread::sleep_for(Milliseconds(1 + random() % 4)); // not for time to pass, but to poll less often
        }
        catch (const LockStoreUnavailable&)
        {
            // Allowed. The test notices a store that is always unavailable, because there is no progress.
        }
    }
    return 0;
}

int take(const Work& work)
{
    work.store->prepare(work.context());
    const auto reply = work.acquire(drawToken());
    if (reply.status != AcquireStatus::granted)
        return 2;
    publish(work.files.at(0), std::to_string(reply.record.fence));
    return 0;
}

int comeBackLate(const Work& work)
{
    const auto token = drawToken();
    const auto reply = work.acquire(token);
    if (reply.status != AcquireStatus::granted)
        return 2;
    const auto& file = work.files.at(0);
    publish(file, std::to_string(reply.record.fence));
    if (!waitUntil([&] { return std::filesystem::exists(file + ".go"); }, longestLife))
        return 3;
    const LeaseRef lease{work.lock, token, reply.record.fence};
    const auto renewed = work.renew(lease);
    const auto released = work.store->release(lease, work.context());
    publish(file + ".end", std::string(renewed == RenewStatus::lost ? "lost" : "not lost") +
                               (released.status == ReleaseStatus::notHeld ? ", not held" : ", released"));
    return 0;
}

int sendLate(const Work& work)
{
    std::signal(SIGTERM, [](int) { stopped = true; });
    const auto verb = lateVerb(work.files.at(0));
    const auto take = [&](const std::string& name)
    { work.store->acquire({.name = name, .token = drawToken(), .ttl = longestLife}, work.context()); };
    take(work.files.at(1));
    std::string told;
    const auto clock = TimeSource::system();
    const auto end = clock->now() + longestLife;
    while (!stopped && clock->now() < end)
    {
        try
        {
            LeaseRef lease;
            if (verb.ofALease)
            {
                const auto seen = work.store->find(work.lock, work.context());
                if (!seen || seen->metadata == "{}")
                    continue;
                lease = {seen->name, seen->metadata, seen->fence};
                if (lease.token != told)
                    take(work.files.at(1) + lease.token);
                told = lease.token;
            }
            verb.send(*work.store, lease, work.context());
        }
        catch (const LockStoreUnavailable&)
        {
            // Allowed.
        }
    }
    return 0;
}

int runTask(const std::string& task, const Work& work)
{
    if (task == WorkerTask::count)
        return count(work);
    if (task == WorkerTask::take)
        return take(work);
    if (task == WorkerTask::comeBackLate)
        return comeBackLate(work);
    if (task == WorkerTask::sendLate)
        return sendLate(work);
    throw std::logic_error("a worker of the kit has no task \"" + task + "\"");
}

} // namespace

std::vector<std::string> workerArguments(const std::string& harness, const std::string& location, const std::string& task,
                                         const std::string& lock, long long ttlMs, const std::vector<std::string>& files)
{
    std::vector<std::string> arguments{workerMark, harness, location, task, lock, std::to_string(ttlMs)};
    arguments.insert(arguments.end(), files.begin(), files.end());
    return arguments;
}

ChildProcess startConformanceWorker(const std::vector<std::string>& prefix, const std::vector<std::string>& arguments)
{
    auto command = prefix;
    command.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
    command.insert(command.end(), arguments.begin(), arguments.end());
    // Kill the process group, because the program of the prefix may start ours as a child.
    return ChildProcess(std::move(command),
                        {.readsInput = false, .writesToPipe = false, .diesWithStarter = false, .leadsGroup = true, .signalsGroup = true});
}

std::optional<int> runConformanceWorker(const std::vector<std::string>& arguments)
{
    if (arguments.size() < fixedArguments || arguments[0] != workerMark)
        return std::nullopt;
    try
    {
        const auto* harness = findHarness(arguments[1]);
        if (harness && harness->openElsewhere)
            return runTask(arguments[3], {harness->openElsewhere(arguments[2]),
                                          arguments[4],
                                          Milliseconds{std::stoll(arguments[5])},
                                          {arguments.begin() + fixedArguments, arguments.end()}});
        throw std::logic_error("no harness \"" + arguments[1] + "\" with processes is registered");
    }
    catch (const std::exception& error)
    {
        std::cerr << "a worker of the conformance kit failed: " << error.what() << std::endl;
        return 1;
    }
}

} // namespace Leasehold
