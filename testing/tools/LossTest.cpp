#include "ToolFixture.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <unistd.h>
#include <vector>

using namespace Leasehold;

/// No command outlives its lease when the store, leasehold or its guardian fails. The commands ignore all signals but KILL.
class LossTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(LossTest);
    CPPUNIT_TEST(testPipelineBackgroundJobAndNewSessionEndAfterLoss);
    CPPUNIT_TEST(testCommandGetsTermBeforeKill);
    CPPUNIT_TEST(testKillAfterSetsTimeBetweenTermAndKill);
    CPPUNIT_TEST(testLockedStoreEndsCommandBeforeLeaseAndSuccessor);
    CPPUNIT_TEST(testKilledLeaseholdEndsAllProcessesWithinASecond);
    CPPUNIT_TEST(testCommandOfAStoppedLeaseholdIsGoneInTime);
    CPPUNIT_TEST(testCommandStoppedPastItsLeaseNeverRunsAgain);
    CPPUNIT_TEST(testKilledGuardianTakesTheCommandWithIt);
    CPPUNIT_TEST(testCommandOfAnEndedLeaseIsNotStarted);
    CPPUNIT_TEST(testGuardianOrderLeftUnreadDoesNotChangeTheStatus);
    CPPUNIT_TEST(testCommandWhoseExecHangsEndsWithItsLease);
    CPPUNIT_TEST(testRenewalThatHangsAtTheEndIsNoTrouble);
#ifndef LEASEHOLD_ADDRESS_SANITIZER // AddressSanitizer finds its options and the bounds of the stack in /proc: such a program cannot start
    CPPUNIT_TEST(testRunWithoutProcIsRefusedBeforeItStarts);
#endif
    CPPUNIT_TEST(testCommandEndsWithItsLeaseAlsoWhenProcHasGone);
    CPPUNIT_TEST_SUITE_END();

    /// Starts four processes: in the foreground, in a pipeline, in the background, and in a session of its own.
    static constexpr const char* manyLives = "$2 $1/a | $2 $1/b & $2 $1/c & setsid $2 $1/d & exec $2 $1/e";
    static constexpr const char* lifeNames[] = {"a", "b", "c", "d", "e"};

    static inline const std::string hideProc = "mount -t tmpfs none /proc; ";
    static inline const std::string noLeakCheck = "export ASAN_OPTIONS=detect_leaks=0; "; // LeakSanitizer needs /proc
    std::string tool(const std::string& words) const
    {
        return LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " " + words;
    }
    ToolProcess inOwnMounts(const std::string& script) const
    {
        return _bench->program({"/usr/bin/unshare", ::geteuid() == 0 ? "--mount" : "-rm", "/bin/sh", "-c", noLeakCheck + script});
    }

    static bool has(const std::string& text, const std::string& part)
    {
        return text.find(part) != std::string::npos;
    }

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
    void testPipelineBackgroundJobAndNewSessionEndAfterLoss()
    {
        auto run = _bench->run({"--ttl", "2s"}, "job", manyLives);
        waitForAll();
        const auto record = _bench->locks().find("job");
        CPPUNIT_ASSERT(record && _bench->locks().breakLock("job", record->fence));
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT(allStill());
    }

    void testCommandGetsTermBeforeKill()
    {
        auto run = _bench->run({"--ttl", "3s"}, "job", "trap 'echo term' TERM; touch $1/ready; while :; do sleep 0.02; done");
        CPPUNIT_ASSERT(waitUntil([&] { return exists(_bench->path("ready")); }, std::chrono::seconds{60}));
        const StoreBlocker blocker(*_bench);
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT_EQUAL(std::string("term\n"), run.output());
    }

    /// The default would be a sixth of this TTL, one second.
    void testKillAfterSetsTimeBetweenTermAndKill()
    {
        auto run = _bench->run({"--ttl", "6s", "--kill-after", "200ms"}, "job", "exec $2 $1/life");
        waitForLife(_bench->path("life"));
        CPPUNIT_ASSERT_EQUAL(0, _bench->tool({"break", "job", "--yes"}).wait());
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        const auto life = SignOfLife::read(_bench->path("life"));
        CPPUNIT_ASSERT(life.term != 0);
        CPPUNIT_ASSERT_MESSAGE(std::to_string(life.last - life.term) + " ns", life.last - life.term < 700'000'000);
    }

    /// Twenty trials, five at a time. The storage tells when the lease ends: a TTL after the last renewal arrived, so not before a TTL
    /// after it was sent.
    void testLockedStoreEndsCommandBeforeLeaseAndSuccessor()
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
                run.requireExit(79);
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

    void testKilledLeaseholdEndsAllProcessesWithinASecond()
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

    void testCommandOfAStoppedLeaseholdIsGoneInTime()
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

    void testCommandStoppedPastItsLeaseNeverRunsAgain()
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

    void testKilledGuardianTakesTheCommandWithIt()
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

    /// A delay between the grant and the start of the command: the test stops the guardian meanwhile.
    void testCommandOfAnEndedLeaseIsNotStarted()
    {
        auto other = _bench->locks().acquire("job");
        auto run = _bench->run({"--wait", "1h", "--ttl", "1s", "--max-hold", "700ms", "--status-fd", "2"}, "job", "touch $1/ran");
        CPPUNIT_ASSERT(waitUntil([&] { return has(run.errors(), "waiting for lock"); }, std::chrono::seconds{60}));
        const auto guardian = childrenOf(run.pid()).at(0);
        CPPUNIT_ASSERT_EQUAL(0, ::kill(guardian, SIGSTOP));
        other.release();
        CPPUNIT_ASSERT(waitUntil([&] { return has(run.errors(), R"("event":"lost")"); }, std::chrono::seconds{60}));
        CPPUNIT_ASSERT(waitUntil([&] { return !_bench->locks().find("job"); }, std::chrono::seconds{60}));
        CPPUNIT_ASSERT_EQUAL(0, ::kill(guardian, SIGCONT));
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
        CPPUNIT_ASSERT_MESSAGE(run.errors(), has(run.errors(), "was lost before the command was started"));
    }

    /// The guardian ends with an unread order in its socket, so the other end gets a reset before it can read the reports.
    void testGuardianOrderLeftUnreadDoesNotChangeTheStatus()
    {
        auto run = _bench->tool({"run", "job", "--", LEASEHOLD_SIGN_OF_LIFE, _bench->path("life"), "mild"});
        waitForLife(_bench->path("life"));
        const auto guardian = childrenOf(run.pid()).at(0);
        const auto command = childrenOf(guardian).at(0);
        CPPUNIT_ASSERT_EQUAL(0, ::kill(guardian, SIGSTOP));
        run.signal(SIGWINCH);
        CPPUNIT_ASSERT_EQUAL(0, ::kill(command, SIGTERM));
        CPPUNIT_ASSERT(waitUntil([&] { return stateOf(command) == 'Z'; }, std::chrono::seconds{60}));
        CPPUNIT_ASSERT_EQUAL(0, ::kill(guardian, SIGCONT));
        run.requireExit(128 + SIGTERM);
    }

    /// As on a network file system that hangs: this process has a lease on the file (fcntl), so opening it waits.
    void testCommandWhoseExecHangsEndsWithItsLease()
    {
        const auto command = _bench->path("command");
        std::filesystem::copy_file(LEASEHOLD_SIGN_OF_LIFE, command);
        ::signal(SIGIO, SIG_IGN); // the kernel sends it to ask for the file back
        const int file = ::open(command.c_str(), O_RDONLY | O_CLOEXEC);
        CPPUNIT_ASSERT_EQUAL(0, ::fcntl(file, F_SETLEASE, F_WRLCK));
        auto run = _bench->tool({"run", "--ttl", "2s", "--max-hold", "1s", "job", "--", command, _bench->path("life")});
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        ::close(file);
        CPPUNIT_ASSERT(isStill(_bench->path("life")));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, SignOfLife::read(_bench->path("life")).first);
    }

    /// A renewal is under way when the command ends. Its later failure must not be reported.
    void testRenewalThatHangsAtTheEndIsNoTrouble()
    {
        writeFile(_bench->path("policy.properties"),
                  "leasehold.store.type = sqlite\nleasehold.store.sqlite.path = " + _bench->path("locks.db") +
                      "\nleasehold.policy.lease.ttl = 1m\nleasehold.policy.lease.renew_after = 100ms\n"
                      "leasehold.policy.lease.call_timeout = 3s\n");
        auto run = _bench->program({LEASEHOLD_TOOL, "--config", _bench->path("policy.properties"), "run", "job", "--", "/bin/sh", "-c",
                                    "touch $1/ready; until test -e $1/blocked; do sleep 0.01; done; sleep 1", "sh", _bench->path("")});
        CPPUNIT_ASSERT(waitUntil([&] { return exists(_bench->path("ready")); }, std::chrono::seconds{60}));
        const StoreBlocker blocker(*_bench);
        writeFile(_bench->path("blocked"), "");
        run.requireExit(0);
        CPPUNIT_ASSERT_MESSAGE(run.errors(), !has(run.errors(), " 0.0s of its lease are left"));
        CPPUNIT_ASSERT_MESSAGE(run.errors(), has(run.errors(), "could not be released"));
    }

    void testRunWithoutProcIsRefusedBeforeItStarts()
    {
        auto run = inOwnMounts(hideProc + tool("run job -- touch " + _bench->path("ran")));
        CPPUNIT_ASSERT_EQUAL(70, run.wait());
        CPPUNIT_ASSERT_MESSAGE(run.errors(), has(run.errors(), "mount /proc"));
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
    }

    void testCommandEndsWithItsLeaseAlsoWhenProcHasGone()
    {
        const auto life = _bench->path("life");
        const auto hidden = _bench->path("hidden");
        auto run = inOwnMounts(tool("run --ttl 3s job -- " LEASEHOLD_SIGN_OF_LIFE " " + life) + " & until test -s " + life +
                               "; do sleep 0.01; done; " + hideProc + "touch " + hidden + "; wait $!");
        CPPUNIT_ASSERT(waitUntil([&] { return exists(hidden); }, std::chrono::seconds{60}));
        const auto record = _bench->locks().find("job");
        CPPUNIT_ASSERT(record && _bench->locks().breakLock("job", record->fence));
        const auto broken = _bench->locks().find("job");
        run.requireExit(79);
        CPPUNIT_ASSERT(broken && SignOfLife::read(life).last <= nanoseconds(broken->expiresAt));
        CPPUNIT_ASSERT(isStill(life));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LossTest);
