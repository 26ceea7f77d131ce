#include "ToolBench.h"

#include "Leasehold/FaultyProxy.h"
#include "Leasehold/waitUntil.h"
#include "sharedEngine.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <list>
#include <memory>

using namespace Leasehold;

/// No command outlives its lease when a real node stops answering: it is stopped with SIGSTOP, so its connections stay open. The test has a
/// node of its own.
class EngineLossTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EngineLossTest);
    CPPUNIT_TEST(testHungNodeEndsCommandBeforeLeaseAndSuccessor);
    CPPUNIT_TEST(testKilledNodeEndsCommandBeforeLease);
    CPPUNIT_TEST_SUITE_END();

    static EngineNode& node() { return sharedEngine(EngineKind::openSearch3); }
    static std::string urlAt(int port) { return "elasticsearch+http://127.0.0.1:" + std::to_string(port) + "/tool-loss?replicas=0"; }

    static constexpr std::int64_t ttl = 2'000'000'000; // ns

    /// One command under one lock, and one that waits for the same lock. A proxy records when the first one's requests were sent.
    struct Trial
    {
        explicit Trial(int number) : name("job-" + std::to_string(number)) {}

        std::string name;
        FaultyProxy proxy{node().port(), 1};
        ToolBench bench{urlAt(node().port())};
        ToolProcess holder{bench.program({LEASEHOLD_TOOL, "--store", urlAt(proxy.port()), "run", "--ttl", "2s", name, "--",
                                          LEASEHOLD_SIGN_OF_LIFE, bench.path("life")})};
        std::unique_ptr<ToolProcess> successor{};

        void begin()
        {
            waitForLife(bench.path("life"));
            successor = std::make_unique<ToolProcess>(
                bench.tool({"run", "--wait", "1m", name, "--", LEASEHOLD_SIGN_OF_LIFE, bench.path("successor")}));
            const auto waits = [&] { return successor->errors().find("waiting for lock") != std::string::npos; };
            const bool waited = waitUntil(waits, std::chrono::seconds{60});
            CPPUNIT_ASSERT_MESSAGE(successor->errors(), waited);
        }

        /// The time from the command's last sign of life to the end of its lease, which counts from the sending of the last answered
        /// request.
        std::int64_t spare() const { return proxy.lastAnsweredRequest() + ttl - SignOfLife::read(bench.path("life")).last; }
        bool livedWhileAnother() const
        {
            return SignOfLife::read(bench.path("life")).last >= SignOfLife::read(bench.path("successor")).first;
        }
    };

public:
    void setUp() override { node().resume(); }
    void tearDown() override { node().resume(); }

    /// Twenty trials, five at a time, each at another age of its lease. The node continues as soon as the commands have ended, before their
    /// leases end by its clock: a waiting command is granted the lock at the first possible moment.
    void testHungNodeEndsCommandBeforeLeaseAndSuccessor()
    {
        constexpr int rounds = 4;
        constexpr int atOnce = 5;
        std::vector<std::int64_t> spares;
        for (int round = 0; round < rounds; ++round)
        {
            std::list<Trial> trials;
            for (int i = 0; i < atOnce; ++i)
                trials.emplace_back(round * atOnce + i).begin();
            node().pause();
            for (auto& trial : trials)
                trial.holder.requireExit(79);
            node().resume();
            for (auto& trial : trials)
            {
                waitForLife(trial.bench.path("successor"));
                spares.push_back(trial.spare());
                CPPUNIT_ASSERT_MESSAGE("alive " + std::to_string(-trial.spare()) + " ns after its lease", trial.spare() >= 0);
                CPPUNIT_ASSERT(!trial.livedWhileAnother());
            }
        }
        const auto [least, most] = std::minmax_element(spares.begin(), spares.end());
        std::cout << " " << spares.size() << " trials: the last sign of life was " << *least / 1'000'000 << " to " << *most / 1'000'000
                  << " ms before the end of the lease" << std::flush;
    }

    void testKilledNodeEndsCommandBeforeLease()
    {
        Trial trial(1000);
        trial.begin();
        node().kill();
        trial.holder.requireExit(79);
        CPPUNIT_ASSERT(trial.spare() >= 0);
        CPPUNIT_ASSERT_EQUAL(69, trial.bench.tool({"run", "--ttl", "2s", "other", "--", "/bin/touch", trial.bench.path("ran")}).wait());
        CPPUNIT_ASSERT_EQUAL(69, trial.bench.tool({"check"}).wait());
        CPPUNIT_ASSERT(!exists(trial.bench.path("ran")));
        node().restart();
        CPPUNIT_ASSERT_EQUAL(0, trial.bench.tool({"run", "--wait", "30s", "other", "--", "/bin/true"}).wait());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineLossTest);
