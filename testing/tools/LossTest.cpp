#include "ToolFixture.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <optional>
#include <vector>

using namespace Leasehold;

/// No command outlives its lease, whatever happens to the store, to leasehold or to its guardian. The commands obey no signal but KILL.
class LossTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(LossTest);
    CPPUNIT_TEST(testAPipelineABackgroundJobAndANewSessionAreGoneAfterALoss);
    CPPUNIT_TEST(testTheCommandGetsTermBeforeKill);
    CPPUNIT_TEST(testKillAfterSaysHowLongTheCommandHasBetweenTermAndKill);
    CPPUNIT_TEST(testACommandEndsBeforeItsLeaseAndItsSuccessorWhenTheStoreIsLocked);
    CPPUNIT_TEST(testEverythingIsGoneWithinASecondAfterLeaseholdIsKilled);
    CPPUNIT_TEST(testTheCommandOfAStoppedLeaseholdIsGoneInTime);
    CPPUNIT_TEST(testACommandThatWasStoppedPastItsLeaseDoesNotRunAgain);
    CPPUNIT_TEST(testAKilledGuardianTakesTheCommandWithIt);
    CPPUNIT_TEST_SUITE_END();

    /// Starts a life in the foreground, one in a pipeline, one in the background and one in a session of its own.
    static constexpr const char* manyLives = "$2 $1/a | $2 $1/b & $2 $1/c & setsid $2 $1/d & exec $2 $1/e";
    static constexpr const char* lifeNames[] = {"a", "b", "c", "d", "e"};

    void waitForAll() const
    {
        for (const auto* name : lifeNames)
            waitForLife(_bench->path(name));
    }
    bool allStill() const
    {
        for (const auto* name : lifeNames)
            if (!isStill(_bench->path(name)))
                return false;
        return true;
    }

    static std::int64_t nanoseconds(StorageTime time)
    {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    }
    static std::int64_t now()
    {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    }

public:
    void testAPipelineABackgroundJobAndANewSessionAreGoneAfterALoss()
    {
        auto run = _bench->run({"--ttl", "2s"}, "job", manyLives);
        waitForAll();
        const auto record = _bench->locks().find("job");
        CPPUNIT_ASSERT(record && _bench->locks().breakLock("job", record->fence));
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT(allStill());
    }

    void testTheCommandGetsTermBeforeKill()
    {
        auto run = _bench->run({"--ttl", "3s"}, "job", "trap 'echo term' TERM; touch $1/ready; while :; do sleep 0.02; done");
        CPPUNIT_ASSERT(waitUntil([&] { return exists(_bench->path("ready")); }, std::chrono::seconds{60}));
        const StoreBlocker blocker(*_bench);
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT_EQUAL(std::string("term\n"), run.output());
    }

    /// A sixth of this lease would be a second.
    void testKillAfterSaysHowLongTheCommandHasBetweenTermAndKill()
    {
        auto run = _bench->run({"--ttl", "6s", "--kill-after", "200ms"}, "job", "exec $2 $1/life");
        waitForLife(_bench->path("life"));
        CPPUNIT_ASSERT_EQUAL(0, _bench->tool({"break", "job", "--yes"}).wait());
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        const auto life = SignOfLife::read(_bench->path("life"));
        CPPUNIT_ASSERT(life.term != 0);
        CPPUNIT_ASSERT_MESSAGE(std::to_string(life.last - life.term) + " ns", life.last - life.term < 700'000'000);
    }

    /// Twenty trials, five at a time. The storage says when the lease that it knows of ends: a time-to-live after the last renewal came
    /// to it, so not before one after that was sent.
    void testACommandEndsBeforeItsLeaseAndItsSuccessorWhenTheStoreIsLocked()
    {
        constexpr int rounds = 4;
        constexpr int atOnce = 5;
        for (int round = 0; round < rounds; ++round)
        {
            std::vector<ToolBench> benches(atOnce);
            std::vector<ToolProcess> runs, successors;
            for (auto& bench : benches)
                runs.push_back(bench.tool({"run", "--ttl", "2s", "job", "--", LEASEHOLD_SIGN_OF_LIFE, bench.path("life")}));
            for (auto& bench : benches)
                waitForLife(bench.path("life"));
            std::vector<std::optional<StoreBlocker>> blockers(atOnce);
            for (int i = 0; i < atOnce; ++i)
                blockers[i].emplace(benches[i]);
            std::vector<std::int64_t> ends;
            for (auto& bench : benches)
            {
                const auto record = bench.locks().find("job");
                ends.push_back(record ? nanoseconds(record->expiresAt) : now());
            }
            for (auto& run : runs)
                CPPUNIT_ASSERT_EQUAL_MESSAGE(run.errors(), 79, run.wait());
            for (int i = 0; i < atOnce; ++i)
            {
                blockers[i].reset();
                successors.push_back(
                    benches[i].tool({"run", "--wait", "1m", "job", "--", LEASEHOLD_SIGN_OF_LIFE, benches[i].path("successor")}));
            }
            for (int i = 0; i < atOnce; ++i)
            {
                waitForLife(benches[i].path("successor"));
                const auto last = SignOfLife::read(benches[i].path("life")).last;
                CPPUNIT_ASSERT_MESSAGE("alive " + std::to_string(last - ends[i]) + " ns after its lease", last <= ends[i]);
                CPPUNIT_ASSERT(last < SignOfLife::read(benches[i].path("successor")).first);
            }
        }
    }

    void testEverythingIsGoneWithinASecondAfterLeaseholdIsKilled()
    {
        auto run = _bench->run({}, "job", manyLives);
        waitForAll();
        run.signal(SIGKILL);
        const auto killed = now();
        CPPUNIT_ASSERT_EQUAL(128 + SIGKILL, run.wait());
        CPPUNIT_ASSERT(waitUntil([&] { return allStill(); }));
        for (const auto* name : lifeNames)
            CPPUNIT_ASSERT(SignOfLife::read(_bench->path(name)).last - killed < 1'000'000'000);
    }

    void testTheCommandOfAStoppedLeaseholdIsGoneInTime()
    {
        auto run = _bench->run({"--ttl", "2s"}, "job", manyLives);
        waitForAll();
        run.signal(SIGSTOP);
        CPPUNIT_ASSERT(waitUntil([&] { return run.isStopped(); }));
        const auto record = _bench->locks().find("job");
        CPPUNIT_ASSERT(record.has_value());
        CPPUNIT_ASSERT(waitUntil([&] { return !_bench->locks().find("job"); }, std::chrono::seconds{60}));
        CPPUNIT_ASSERT(allStill());
        for (const auto* name : lifeNames)
            CPPUNIT_ASSERT(SignOfLife::read(_bench->path(name)).last <= nanoseconds(record->expiresAt));
        run.signal(SIGCONT);
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
    }

    void testACommandThatWasStoppedPastItsLeaseDoesNotRunAgain()
    {
        auto run = _bench->run({"--ttl", "2s"}, "job", manyLives);
        waitForAll();
        run.signal(SIGTSTP);
        CPPUNIT_ASSERT(waitUntil([&] { return run.isStopped(); }, std::chrono::seconds{60}));
        CPPUNIT_ASSERT(waitUntil([&] { return !_bench->locks().find("job"); }, std::chrono::seconds{60}));
        const auto before = SignOfLife::read(_bench->path("e")).last;
        run.signal(SIGCONT);
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT_EQUAL(before, SignOfLife::read(_bench->path("e")).last);
        CPPUNIT_ASSERT(allStill());
    }

    void testAKilledGuardianTakesTheCommandWithIt()
    {
        auto run = _bench->run({}, "job", manyLives);
        waitForAll();
        const auto children = childrenOf(run.pid());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, children.size());
        CPPUNIT_ASSERT_EQUAL(0, ::kill(children[0], SIGKILL));
        CPPUNIT_ASSERT_EQUAL(70, run.wait());
        CPPUNIT_ASSERT(allStill());
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LossTest);
