#include "GuardedCounter.h"
#include "Leasehold/ConformanceSuite.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/waitUntil.h"
#include "conformanceWorker.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// A folder for the files of one test.
class Folder
{
public:
    Folder() :
        _path(std::filesystem::temp_directory_path() / ("leasehold-kit-" + std::to_string(::getpid()) + "-" + drawToken().substr(0, 8)))
    {
        std::filesystem::create_directories(_path);
    }
    ~Folder() { std::filesystem::remove_all(_path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string file(const std::string& name) const { return (_path / name).string(); }

private:
    std::filesystem::path _path;
};

std::string contentOf(const std::string& path)
{
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The processes of one test, and a view of their storage, in real time.
class Crew
{
public:
    Crew(StoreBench& bench, Processes& processes) : _harness(bench.harnessName()), _processes(processes), _store(bench.openElsewhere()) {}

    ChildProcess start(unsigned number, const std::string& task, const std::string& lock, const std::vector<std::string>& files) const
    {
        return startConformanceWorker(_processes.commandPrefix(number),
                                      workerArguments(_harness, _processes.location(), task, lock, _processes.realTtl().count(), files));
    }

    Milliseconds ttl() const { return _processes.realTtl(); }

    /// Retries until the lock is granted. The test fails if that takes too long.
    Grant grantInTime(const std::string& lock)
    {
        const auto token = drawToken();
        AcquireReply reply;
        const bool granted = waitUntil(
            [&]
            {
                try
                {
                    reply = _store->acquire({lock, token, 1min, "{}", 0}, StoreBench::context());
                }
                catch (const LockStoreUnavailable&)
                {
                    return false;
                }
                return reply.status == AcquireStatus::granted;
            },
            ttl() * 3 + 30s);
        CPPUNIT_ASSERT_MESSAGE("lock \"" + lock + "\" does not become free", granted);
        return {{lock, token, reply.record.fence}, reply.record};
    }

    std::optional<LockRecord> find(const std::string& lock) { return _store->find(lock, StoreBench::context()); }

private:
    const std::string _harness;
    Processes& _processes;
    const std::shared_ptr<LockStore> _store;
};

void awaitFile(const std::string& path, ChildProcess& writer)
{
    const bool there = waitUntil([&] { return std::filesystem::exists(path) || writer.hasEnded(); }, 60s);
    CPPUNIT_ASSERT_MESSAGE("a worker process did not do its work", there && std::filesystem::exists(path));
}

/// Asserts that no update was lost and that each step has a greater fence than all steps before.
void requireOrder(const std::vector<GuardedCounter::Step>& history)
{
    GuardedCounter::Step last;
    Fence lastWriter = 0;
    for (const auto& step : history)
    {
        CPPUNIT_ASSERT_MESSAGE("fence " + std::to_string(step.fence) + " after " + std::to_string(last.fence), step.fence >= last.fence);
        if (step.value != last.value)
        {
            CPPUNIT_ASSERT_EQUAL(last.value + 1, step.value);
            CPPUNIT_ASSERT_MESSAGE("two holders with the fence " + std::to_string(step.fence), step.fence > lastWriter);
            lastWriter = step.fence;
        }
        last = step;
    }
}

} // namespace

/// Real processes on one storage, in real time.
void addProcessTests(ConformanceSuite& suite)
{
    suite.layer("processes");

    suite.test<Processes>("testProcessesThatAreKilledAtRandomExcludeEachOther",
                          [](StoreBench& bench, Processes& processes)
                          {
                              constexpr unsigned size = 4;
                              constexpr int kills = 8, countsPerKill = 12;
                              const Folder folder;
                              const auto file = folder.file("counter"), problems = folder.file("problems");
                              Crew crew(bench, processes);
                              GuardedCounter counter(file);
                              std::vector<ChildProcess> workers;
                              for (unsigned number = 0; number < size; ++number)
                                  workers.push_back(crew.start(number, WorkerTask::count, "counted", {file, problems}));
                              std::minstd_rand random(4711);
                              for (int kill = 1; kill <= kills; ++kill)
                              {
                                  const bool goesOn =
                                      waitUntil([&] { return counter.value() >= kill * countsPerKill; }, crew.ttl() * 20 + 60s);
                                  CPPUNIT_ASSERT_MESSAGE("no progress at " + std::to_string(counter.value()), goesOn);
                                  const auto victim = static_cast<unsigned>(random() % size);
                                  CPPUNIT_ASSERT_MESSAGE("a worker ended by itself", !workers[victim].hasEnded());
                                  workers[victim].kill();
                                  workers[victim] = crew.start(victim, WorkerTask::count, "counted", {file, problems});
                              }
                              for (auto& worker : workers)
                                  worker.signal(SIGTERM);
                              for (auto& worker : workers)
                                  worker.wait();
                              CPPUNIT_ASSERT_EQUAL(std::string(), contentOf(problems));
                              const auto history = counter.history();
                              requireOrder(history);
                              CPPUNIT_ASSERT(history.back().value >= kills * countsPerKill);
                              CPPUNIT_ASSERT(crew.grantInTime("counted").lease.fence > history.back().fence);
                          });

    suite.test<Processes>("testLeaseOfAKilledProcessEndsWithItsTtlAndNotBefore",
                          [](StoreBench& bench, Processes& processes)
                          {
                              const Folder folder;
                              const auto file = folder.file("fence");
                              Crew crew(bench, processes);
                              const auto before = std::chrono::steady_clock::now();
                              auto holder = crew.start(0, WorkerTask::comeBackLate, "a", {file});
                              awaitFile(file, holder);
                              holder.kill();
                              const auto successor = crew.grantInTime("a");
                              CPPUNIT_ASSERT(std::chrono::steady_clock::now() - before >=
                                             crew.ttl() - bench.store().info().clockUncertainty);
                              CPPUNIT_ASSERT(successor.lease.fence > std::stoull(contentOf(file)));
                          });

    suite.test<Processes>("testProcessThatWasPausedComesBackAsAStaleHolder",
                          [](StoreBench& bench, Processes& processes)
                          {
                              const Folder folder;
                              const auto file = folder.file("fence");
                              Crew crew(bench, processes);
                              auto holder = crew.start(0, WorkerTask::comeBackLate, "a", {file});
                              awaitFile(file, holder);
                              holder.signal(SIGSTOP);
                              const auto successor = crew.grantInTime("a");
                              std::ofstream(file + ".go") << std::flush;
                              holder.signal(SIGCONT);
                              awaitFile(file + ".end", holder);
                              CPPUNIT_ASSERT_EQUAL(std::string("lost, not held"), contentOf(file + ".end"));
                              const auto found = crew.find("a");
                              CPPUNIT_ASSERT(found && found->fence == successor.lease.fence);
                              CPPUNIT_ASSERT_EQUAL(0, holder.wait());
                          });

    suite.test<Processes, StorageLoss>("testManyProcessesMayPrepareAnEmptyStorageAtOnce",
                                       [](StoreBench& bench, Processes& processes, StorageLoss& storage)
                                       {
                                           constexpr unsigned size = 6;
                                           const Folder folder;
                                           bench.close();
                                           storage.emptyStorage();
                                           Crew crew(bench, processes);
                                           std::vector<ChildProcess> workers;
                                           const auto name = [](unsigned number) { return "n" + std::to_string(number); };
                                           for (unsigned number = 0; number < size; ++number)
                                               workers.push_back(
                                                   crew.start(number, WorkerTask::take, name(number), {folder.file(name(number))}));
                                           for (unsigned number = 0; number < size; ++number)
                                           {
                                               CPPUNIT_ASSERT_EQUAL(0, workers[number].wait());
                                               CPPUNIT_ASSERT(std::stoull(contentOf(folder.file(name(number)))) > 0);
                                           }
                                       });
}

} // namespace Leasehold
