#include "Leasehold/Store/ReleaseHub.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

using namespace Leasehold;

namespace
{

/// Records what it is told, in its order.
class Sink : public ReleaseSink
{
public:
    void watching(const std::string& name) override { told.push_back("watching " + name); }
    void mayBeFree(const std::string& name) override { told.push_back("free " + name); }
    void lost(std::span<const LeaseRef>) override {}
    void deaf(const std::string& why) override { told.push_back("deaf: " + why); }

    std::vector<std::string> told;
};

} // namespace

/// The feeds of a store that learns of releases in one place.
class ReleaseHubTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ReleaseHubTest);
    CPPUNIT_TEST(testWatchIsConfirmedOnce);
    CPPUNIT_TEST(testOnlyWatchedNamesAreTold);
    CPPUNIT_TEST(testDeafHubTellsNothingAndConfirmsAllAfterwards);
    CPPUNIT_TEST(testEndedFeedIsToldNothing);
    CPPUNIT_TEST_SUITE_END();

    using Told = std::vector<std::string>;

    const std::shared_ptr<ReleaseHub> hub = std::make_shared<ReleaseHub>();
    Sink sink, other;
    std::unique_ptr<ReleaseFeed> feed = hub->makeFeed(sink), another = hub->makeFeed(other);

public:
    void testWatchIsConfirmedOnce()
    {
        feed->watch("a");
        feed->watch("a");
        CPPUNIT_ASSERT(sink.told == Told{"watching a"});
        CPPUNIT_ASSERT(other.told.empty());
    }

    void testOnlyWatchedNamesAreTold()
    {
        feed->watch("a");
        feed->watch("b");
        feed->unwatch("b");
        feed->unwatch("never watched");
        for (const auto* const name : {"b", "c", "a"})
            hub->tellFree(name);
        CPPUNIT_ASSERT((sink.told == Told{"watching a", "watching b", "free a"}));
        CPPUNIT_ASSERT(other.told.empty());
    }

    void testDeafHubTellsNothingAndConfirmsAllAfterwards()
    {
        feed->watch("a");
        hub->hearAgain(); // it hears already
        hub->deafen("no route");
        hub->deafen("no route still"); // was told already
        feed->watch("b");
        hub->tellFree("a");
        CPPUNIT_ASSERT((sink.told == Told{"watching a", "deaf: no route"}));
        CPPUNIT_ASSERT(other.told == Told{"deaf: no route"});
        hub->hearAgain();
        hub->tellFree("b");
        CPPUNIT_ASSERT((sink.told == Told{"watching a", "deaf: no route", "watching a", "watching b", "free b"}));
    }

    void testEndedFeedIsToldNothing()
    {
        feed->watch("a");
        another->watch("a");
        feed.reset();
        hub->tellFree("a");
        CPPUNIT_ASSERT(sink.told == Told{"watching a"});
        CPPUNIT_ASSERT((other.told == Told{"watching a", "free a"}));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReleaseHubTest);
