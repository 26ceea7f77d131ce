#include "LateVerb.h"
#include "Leasehold/ConformanceSuite.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/waitUntil.h"
#include "conformanceWorker.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <latch>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// Sends a request, and retries it when the storage is unavailable: it may refuse too many requests at once.
template <typename Call>
auto insist(Call call)
{
    for (int tries = 1;; ++tries)
    {
        try
        {
            return call();
        }
        catch (const LockStoreUnavailable&)
        {
            if (tries == 20)
                throw;
        }
    }
}

/// Sends a request in several threads, on both views. join() throws an exception of theirs again, except LockStoreUnavailable.
class LateSenders
{
public:
    LateSenders(const std::array<LockStore*, 2>& views, const std::function<void(LockStore&)>& send)
    {
        for (unsigned number = 0; number < count; ++number)
            _threads.emplace_back([this, send, view = views[number % 2]] { run(send, *view); });
        _underWay.wait();
    }

    void join()
    {
        _threads.clear();
        if (_thrown)
            std::rethrow_exception(_thrown);
    }

private:
    static constexpr unsigned count = 3;

    void run(const std::function<void(LockStore&)>& send, LockStore& view)
    {
        _underWay.count_down();
        try
        {
            send(view);
        }
        catch (const LockStoreUnavailable&)
        {
            // Allowed: no caller waits for the answer to a late request.
        }
        catch (...)
        {
            const std::lock_guard guard(_mutex);
            _thrown = std::current_exception();
        }
    }

    std::latch _underWay{count};
    std::mutex _mutex;
    std::exception_ptr _thrown;
    std::vector<std::jthread> _threads; // last, because they use the other members
};

/// Pauses by reading from the storage: the pause is as long as the calls of the storage, so the race also happens on a slow storage.
void pause(StoreBench& bench, const std::string& name, int looks)
{
    for (int look = 0; look < looks; ++look)
        insist([&] { return bench.find(name); });
}

/// The test fails if a request other than the holder's has changed this grant.
void requireHeld(StoreBench& bench, const Grant& grant)
{
    bench.requireUnchanged(grant.record);
    CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
    CPPUNIT_ASSERT(bench.acquire(grant.lease.name, "third").status == AcquireStatus::held);
    CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
    CPPUNIT_ASSERT(!bench.find(grant.lease.name));
}

/// The holder of `lease` releases it, and another acquires the lock. nullopt: the late verb has kept the lock taken.
std::optional<Grant> passOn(StoreBench& bench, const LateVerb& verb, const LeaseRef& lease, const std::string& token)
{
    const auto released = insist([&] { return bench.release(lease); });
    if (!verb.mayRefuseRelease)
        CPPUNIT_ASSERT(released.status == ReleaseStatus::released);
    const auto reply = insist([&] { return bench.acquire(lease.name, token); });
    if (reply.status == AcquireStatus::held && verb.mayKeepTaken)
    {
        insist([&] { return bench.breakLock(lease.name, lease.fence, BreakMode::now); });
        return std::nullopt;
    }
    CPPUNIT_ASSERT_MESSAGE("a late " + verb.name + " took back what its holder had released", reply.status == AcquireStatus::granted);
    return Grant{{lease.name, token, reply.record.fence}, reply.record};
}

/// One round of the race: starts the late requests, calls `meanwhile`, and ends them before the grants are checked.
using Late = std::function<void(const LeaseRef& lease, const std::function<void()>& meanwhile)>;

void raceForLock(StoreBench& bench, const LateVerb& verb, int rounds, const Late& late)
{
    for (int round = 0; round < rounds; ++round)
    {
        // The metadata contain the token, so that the kit's processes can read it.
        const auto token = R"({"first":)" + std::to_string(round) + '}';
        const auto lease = bench.grant("a", token, {.metadata = token}).lease;
        std::optional<Grant> next;
        late(lease,
             [&]
             {
                 pause(bench, "a", round % 4);
                 next = passOn(bench, verb, lease, "second" + std::to_string(round));
             });
        if (next)
            requireHeld(bench, *next);
    }
}

/// Acquires names while their records are being forgotten.
void raceForForgottenLocks(StoreBench& bench, int rounds, const Late& late)
{
    constexpr int names = 5;
    const auto name = [](int number) { return "n" + std::to_string(number); };
    for (int round = 0; round < rounds; ++round)
    {
        const auto first = "first" + std::to_string(round), second = "second" + std::to_string(round);
        for (int number = 0; number < names; ++number)
            insist([&] { return bench.release(bench.grant(name(number), first).lease); });
        bench.advance(5ms);
        std::vector<Grant> grants;
        late({},
             [&]
             {
                 pause(bench, name(0), round % 4);
                 for (int number = 0; number < names; ++number)
                 {
                     const auto reply = insist([&] { return bench.acquire(name(number), second); });
                     CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
                     grants.push_back({{name(number), second, reply.record.fence}, reply.record});
                 }
             });
        for (const auto& grant : grants)
            requireHeld(bench, grant);
    }
}

void race(StoreBench& bench, const LateVerb& verb, int rounds, const Late& late)
{
    if (verb.ofALease)
        raceForLock(bench, verb, rounds, late);
    else
        raceForForgottenLocks(bench, rounds / 2, late);
}

void raceWithThreads(StoreBench& bench, const LateVerb& verb)
{
    const std::array<LockStore*, 2> views{&bench.store(), &bench.store()};
    race(bench, verb, 12,
         [&](const LeaseRef& lease, const std::function<void()>& meanwhile)
         {
             LateSenders senders(views, [&](LockStore& view) { verb.send(view, lease, StoreBench::context()); });
             meanwhile();
             senders.join();
         });
}

/// A view of a storage that other processes use, in real time.
class RealTimeHarness : public StoreHarness
{
public:
    RealTimeHarness(StoreBench& bench, const Processes& processes) : _bench(bench), _ttl(processes.realTtl()) {}

    std::shared_ptr<LockStore> openStore() override { return _bench.openElsewhere(); }
    void advance(Milliseconds span) override { std::this_thread::sleep_for(span); }
    Milliseconds shortTtl() const override { return _ttl; }

private:
    StoreBench& _bench;
    const Milliseconds _ttl;
};

bool isAnyTaken(StoreBench& bench, const std::vector<std::string>& names)
{
    return std::ranges::any_of(names, [&](const auto& name) { return insist([&] { return bench.find(name); }).has_value(); });
}

/// Returns as soon as a process has acquired one of the locks `signs`, which it does when it begins to send late requests about `lease`. It
/// polls so often that the late requests are still under way then.
void awaitBegin(StoreBench& bench, const LeaseRef& lease, const std::vector<std::string>& signs)
{
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!isAnyTaken(bench, signs))
    {
        const auto found = insist([&] { return bench.find(lease.name); });
        const bool isOurs = found && found->fence == lease.fence;
        CPPUNIT_ASSERT_MESSAGE("what was sent about an earlier lease took the lock from its holder", isOurs || isAnyTaken(bench, signs));
        CPPUNIT_ASSERT_MESSAGE("a worker process does not do its work", std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(100us);
    }
}

void raceWithProcesses(StoreBench& virtualBench, const Processes& processes, const LateVerb& verb)
{
    const HarnessKind kind{.name = virtualBench.harnessName()};
    RealTimeHarness harness(virtualBench, processes);
    StoreBench bench(kind, harness);
    const std::array<std::string, 2> ready{"ready0", "ready1"};
    std::vector<ChildProcess> workers;
    for (unsigned number = 0; number < ready.size(); ++number)
    {
        workers.push_back(startConformanceWorker(processes.commandPrefix(number),
                                                 workerArguments(kind.name, processes.location(), WorkerTask::sendLate, "a",
                                                                 processes.realTtl().count(), {verb.name, ready.at(number)})));
        const bool begun = waitUntil([&] { return isAnyTaken(bench, {ready.at(number)}) || workers.back().hasEnded(); }, 60s);
        CPPUNIT_ASSERT_MESSAGE("a worker process does not begin its work", begun && !workers.back().hasEnded());
    }
    race(bench, verb, 16,
         [&](const LeaseRef& lease, const std::function<void()>& meanwhile)
         {
             if (verb.ofALease)
                 awaitBegin(bench, lease, {ready[0] + lease.token, ready[1] + lease.token});
             meanwhile();
         });
    for (auto& worker : workers)
    {
        CPPUNIT_ASSERT_MESSAGE("a worker process ended by itself", !worker.hasEnded());
        worker.signal(SIGTERM);
        CPPUNIT_ASSERT_EQUAL(0, worker.wait());
    }
}

} // namespace

/// Tests that each verb is one atomic step: a late request arrives from another view while the lock goes to the next holder. A store that
/// reads and writes in two steps would overwrite the new grant with the old record.
void addAtomicityTests(ConformanceSuite& suite)
{
    suite.layer("atomicity");

    const auto inAnotherThread = [&](const std::string& name, const LateVerb& verb)
    { suite.test(name, [verb](StoreBench& bench) { raceWithThreads(bench, verb); }); };
    inAnotherThread("testLateAcquireInAnotherThreadHarmsNoGrant", lateAcquire());
    inAnotherThread("testLateRenewalInAnotherThreadHarmsNoGrant", lateRenewal());
    inAnotherThread("testLateReleaseInAnotherThreadHarmsNoGrant", lateRelease());
    inAnotherThread("testLateBreakInAnotherThreadHarmsNoGrant", lateBreak(BreakMode::now));
    inAnotherThread("testLateBreakForItsEndInAnotherThreadHarmsNoGrant", lateBreak(BreakMode::whenItEnds));
    inAnotherThread("testPruneInAnotherThreadHarmsNoGrant", latePrune());

    // Without acquire: one that arrives after the next lease has ended is rightly granted.
    const auto inAnotherProcess = [&](const std::string& name, const LateVerb& verb)
    { suite.test<Processes>(name, [verb](StoreBench& bench, Processes& processes) { raceWithProcesses(bench, processes, verb); }); };
    inAnotherProcess("testLateRenewalInAnotherProcessHarmsNoGrant", lateRenewal());
    inAnotherProcess("testLateReleaseInAnotherProcessHarmsNoGrant", lateRelease());
    inAnotherProcess("testLateBreakInAnotherProcessHarmsNoGrant", lateBreak(BreakMode::now));
    inAnotherProcess("testLateBreakForItsEndInAnotherProcessHarmsNoGrant", lateBreak(BreakMode::whenItEnds));
    inAnotherProcess("testPruneInAnotherProcessHarmsNoGrant", latePrune());
}

} // namespace Leasehold
