#include "ToolBench.h"

#include "sharedEngine.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>

using namespace Leasehold;

/// Tests every command on a real engine.
class EngineCommandsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EngineCommandsTest);
    CPPUNIT_TEST(testRunEndsAsItsCommandAndFreesTheLock);
    CPPUNIT_TEST(testCommandInheritsNoDescriptor);
    CPPUNIT_TEST(testLocksAreListedAndShown);
    CPPUNIT_TEST(testBrokenLockStopsItsCommand);
    CPPUNIT_TEST(testStoreOfAConfigurationFileIsChecked);
    CPPUNIT_TEST(testIndexMadeForSomethingElseIs78);
    CPPUNIT_TEST_SUITE_END_ABSTRACT();

    virtual EngineKind kind() const = 0;

    static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

public:
    void setUp() override
    {
        static int tests = 0;
        _index = "tool-commands-" + std::to_string(++tests);
        _bench = std::make_unique<ToolBench>("elasticsearch+" + sharedEngine(kind()).url() + "/" + _index + "?replicas=0");
    }
    void tearDown() override { _bench.reset(); }

    void testRunEndsAsItsCommandAndFreesTheLock()
    {
        auto run = _bench->run({"--status-fd", "2"}, "a job", "echo $LEASEHOLD_FENCE; exit 7");
        run.requireExit(7);
        CPPUNIT_ASSERT(
            has(run.errors(), "{\"event\":\"acquired\",\"name\":\"a job\",\"fence\":" + run.output().substr(0, run.output().size() - 1)));
        CPPUNIT_ASSERT(has(run.errors(), R"({"event":"released"})"));
        CPPUNIT_ASSERT(!_bench->locks().find("a job"));

        auto lock = _bench->locks().acquire("a job");
        auto refused = _bench->run({}, "a job", "touch $1/ran");
        CPPUNIT_ASSERT_EQUAL(75, refused.wait());
        CPPUNIT_ASSERT(has(refused.errors(), "lock \"a job\" is held by "));
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
        lock.release();
    }

    /// Also the descriptors of the connections to the engine must be closed. The listing itself opens one, descriptor 3.
    void testCommandInheritsNoDescriptor()
    {
        auto run = _bench->tool({"run", "job", "--", "/bin/ls", "/proc/self/fd"});
        CPPUNIT_ASSERT_EQUAL(0, run.wait());
        CPPUNIT_ASSERT_EQUAL(std::string("0\n1\n2\n3\n"), run.output());
    }

    void testLocksAreListedAndShown()
    {
        auto one = _bench->locks().acquire("job/a", {.metadata = {{"host", "web-7"}, {"pid", 12}}});
        auto other = _bench->locks().acquire("other");
        auto table = _bench->tool({"list"});
        table.requireExit(0);
        CPPUNIT_ASSERT(has(table.output(), "job/a  web-7 (pid 12)"));
        CPPUNIT_ASSERT(has(table.output(), "\nother  "));
        auto lines = _bench->tool({"list", "--json", "--prefix", "job/"});
        CPPUNIT_ASSERT_EQUAL(0, lines.wait());
        CPPUNIT_ASSERT(has(lines.output(), "{\"name\":\"job/a\",\"fence\":" + std::to_string(one.fence()) + ",\"acquiredAt\":\""));
        CPPUNIT_ASSERT(!has(lines.output(), "other"));
        auto shown = _bench->tool({"show", "other"});
        CPPUNIT_ASSERT_EQUAL(0, shown.wait());
        CPPUNIT_ASSERT(has(shown.output(), "fence:      " + std::to_string(other.fence())));
        CPPUNIT_ASSERT_EQUAL(1, _bench->tool({"show", "free"}).wait());
        one.release();
        other.release();
    }

    void testBrokenLockStopsItsCommand()
    {
        auto run = _bench->run({"--ttl", "3s"}, "job", "exec $2 $1/life");
        waitForLife(_bench->path("life"));
        CPPUNIT_ASSERT_EQUAL(0, _bench->tool({"break", "job", "--yes"}).wait());
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT(isStill(_bench->path("life")));
        CPPUNIT_ASSERT_EQUAL(1, _bench->tool({"break", "free", "--yes"}).wait());
    }

    void testStoreOfAConfigurationFileIsChecked()
    {
        writeFile(_bench->path("leasehold.properties"), "leasehold.store.type = elasticsearch\n"
                                                        "leasehold.store.elasticsearch.url = " +
                                                            sharedEngine(kind()).url() + "\nleasehold.store.elasticsearch.index = " +
                                                            _index + "\nleasehold.store.elasticsearch.replicas = 0\n");
        auto check = _bench->program({LEASEHOLD_TOOL, "--config", _bench->path("leasehold.properties"), "check"});
        check.requireExit(0);
        CPPUNIT_ASSERT(has(check.output(), "store:       elasticsearch, "));
        CPPUNIT_ASSERT(has(check.output(), std::string("engine:      ") + toString(kind()) + "\n"));
        CPPUNIT_ASSERT(has(check.output(), "(median of 20)"));
        CPPUNIT_ASSERT(has(check.output(), "clock:       "));
        CPPUNIT_ASSERT(has(check.output(), "shared:      across hosts\n"));
        CPPUNIT_ASSERT(has(check.output(), "\nok\n"));
    }

    void testIndexMadeForSomethingElseIs78()
    {
        const auto url = "elasticsearch+" + sharedEngine(kind()).url() + "/" + _index + "-other?replicas=0";
        sharedEngine(kind()).ask("PUT", "/" + _index + "-other-1", R"({"aliases":{")" + _index + R"(-other":{}}})");
        auto check = _bench->program({LEASEHOLD_TOOL, "--store", url, "check"});
        check.requireExit(78);
        CPPUNIT_ASSERT(has(check.errors(), _index + "-other"));
    }

private:
    std::string _index;
    std::unique_ptr<ToolBench> _bench;
};

class OpenSearchCommandsTest : public EngineCommandsTest
{
    CPPUNIT_TEST_SUB_SUITE(OpenSearchCommandsTest, EngineCommandsTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::openSearch3; }
};

class ElasticsearchCommandsTest : public EngineCommandsTest
{
    CPPUNIT_TEST_SUB_SUITE(ElasticsearchCommandsTest, EngineCommandsTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::elasticsearch7; }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OpenSearchCommandsTest);
CPPUNIT_TEST_SUITE_REGISTRATION(ElasticsearchCommandsTest);
