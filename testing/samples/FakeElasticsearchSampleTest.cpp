#include "SampleRun.h"

#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/StoreRegistry.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <string>

using namespace std::chrono_literals;

namespace Leasehold
{

class FakeElasticsearchSampleTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FakeElasticsearchSampleTest);
    CPPUNIT_TEST(testStoreThatItNamesGivesLocksUntilCtrlC);
    CPPUNIT_TEST(testItsFaultsMeetTheRequests);
    CPPUNIT_TEST(testItListensOnTheGivenPort);
    CPPUNIT_TEST(testItSaysWhatMayBeAskedOfIt);
    CPPUNIT_TEST_SUITE_END();

public:
    void testStoreThatItNamesGivesLocksUntilCtrlC()
    {
        SampleRun sample(FAKE_ELASTICSEARCH, {});
        const auto store = open(sample);
        const auto context = CallContext::within(20s);
        store->prepare(context);
        const auto reply = store->acquire({.name = "nightly", .token = "t", .ttl = 30s}, context);
        CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);

        CPPUNIT_ASSERT_EQUAL(0, ::kill(sample.pid(), SIGINT));
        sample.requireExit(0);
        CPPUNIT_ASSERT_MESSAGE(sample.output(), sample.output().find("a fault met 0 of them") != std::string::npos);
        CPPUNIT_ASSERT_THROW(store->find("nightly", context), LockStoreUnavailable);
    }

    void testItsFaultsMeetTheRequests()
    {
        SampleRun sample(FAKE_ELASTICSEARCH, {"overloaded=100", "hang=0"});
        const auto store = open(sample);
        CPPUNIT_ASSERT_THROW(store->find("nightly", CallContext::within(20s)), LockStoreUnavailable);

        CPPUNIT_ASSERT_EQUAL(0, ::kill(sample.pid(), SIGTERM));
        sample.requireExit(0);
        CPPUNIT_ASSERT_MESSAGE(sample.output(), sample.output().find("It answered 1 requests; a fault met 1 of them") != std::string::npos);
    }

    void testItListensOnTheGivenPort()
    {
        SampleRun first(FAKE_ELASTICSEARCH, {});
        const auto url = urlOf(first);
        const auto colon = url.rfind(':');
        const auto port = url.substr(colon + 1, url.find('/', colon) - colon - 1);

        SampleRun second(FAKE_ELASTICSEARCH, {port}); // which the first one has
        second.requireExit(1);
        CPPUNIT_ASSERT_MESSAGE(second.output(), second.output().find("cannot listen on port " + port) != std::string::npos);

        ::kill(first.pid(), SIGINT);
        CPPUNIT_ASSERT_EQUAL(0, first.exitStatus());
        SampleRun third(FAKE_ELASTICSEARCH, {port});
        third.requireSays("127.0.0.1:" + port);
    }

    void testItSaysWhatMayBeAskedOfIt()
    {
        for (const std::string wrong : {"0", "65536", "nonsense", "overloaded", "overloaded=101", "unheard=5"})
        {
            SampleRun sample(FAKE_ELASTICSEARCH, {wrong});
            CPPUNIT_ASSERT_EQUAL_MESSAGE(wrong, 64, sample.exitStatus());
            const auto output = sample.output();
            CPPUNIT_ASSERT_MESSAGE(output, output.find('"' + wrong + '"') != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(output, output.find("resetAfter") != std::string::npos);
        }
    }

private:
    /// The URL of the store that it names.
    static std::string urlOf(SampleRun& sample)
    {
        const std::string before = "The store for your locks there: ";
        sample.requireSays("list\n");
        const auto output = sample.output();
        const auto start = output.find(before) + before.size();
        return output.substr(start, output.find('\n', start) - start);
    }

    static std::shared_ptr<LockStore> open(SampleRun& sample)
    {
        StoreRegistry registry;
        registerElasticsearchStore(registry);
        return registry.open(urlOf(sample));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FakeElasticsearchSampleTest);

} // namespace Leasehold
