#include "FeedCounts.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/waitUntil.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <sys/resource.h>
#include <sys/stat.h>

namespace Leasehold
{
using namespace std::chrono_literals;

namespace
{

/// While it exists, this process cannot open a descriptor.
class NoDescriptors
{
public:
    NoDescriptors()
    {
        ::getrlimit(RLIMIT_NOFILE, &_before);
        const rlimit none{0, _before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &_before); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
    rlimit _before{};
};

} // namespace

/// The file that wakes waiters of other processes. The kit has the general tests of feeds.
class SQLiteFeedTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteFeedTest);
    CPPUNIT_TEST(testReleaseWithoutAWaiterMakesNoWakeFile);
    CPPUNIT_TEST(testWakeFileHasTheRightsOfTheDatabase);
    CPPUNIT_TEST(testFeedHearsAfterItsWakeFileWasRemoved);
    CPPUNIT_TEST(testFeedWithoutDescriptorsIsDeafUntilThereAreSome);
    CPPUNIT_TEST(testStoresBehindASymbolicLinkWakeEachOther);
    CPPUNIT_TEST(testWaiterIsWokenByTheReleaseOfAnotherService);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");
    const std::string _wakePath = _path + "-wake";

    static void takeAndRelease(LockStore& store, bool wanted = true)
    {
        const auto lease =
            take(store, "job", "token " + std::to_string(std::filesystem::file_time_type::clock::now().time_since_epoch().count()));
        if (wanted)
            CPPUNIT_ASSERT(store.acquire({.name = "job", .token = "waiter", .ttl = 30s, .wantedFor = 1min}, soon()).status ==
                           AcquireStatus::held);
        CPPUNIT_ASSERT(store.release(lease, soon()).status == ReleaseStatus::released);
    }

public:
    void testReleaseWithoutAWaiterMakesNoWakeFile()
    {
        const auto store = openStore(_path);
        takeAndRelease(*store, false);
        takeAndRelease(*store);
        CPPUNIT_ASSERT(!std::filesystem::exists(_wakePath));
    }

    void testWakeFileHasTheRightsOfTheDatabase()
    {
        const auto store = openStore(_path);
        takeAndRelease(*store);
        CPPUNIT_ASSERT(::chmod(_path.c_str(), 0664) == 0);
        FeedCounts told;
        const auto feed = store->releaseFeed(told);
        feed->watch("job");
        CPPUNIT_ASSERT(waitUntil([&] { return told.confirmed == 1; }));
        struct stat about = {};
        CPPUNIT_ASSERT(::stat(_wakePath.c_str(), &about) == 0);
        CPPUNIT_ASSERT_EQUAL(mode_t{0664}, about.st_mode & 0777);
    }

    void testFeedHearsAfterItsWakeFileWasRemoved()
    {
        const auto store = openStore(_path);
        takeAndRelease(*store);
        FeedCounts told;
        const auto feed = store->releaseFeed(told);
        feed->watch("job");
        CPPUNIT_ASSERT(waitUntil([&] { return told.confirmed == 1; }));
        CPPUNIT_ASSERT(std::filesystem::remove(_wakePath));
        CPPUNIT_ASSERT(waitUntil([&] { return told.confirmed == 2; }));
        const int before = told.free;
        takeAndRelease(*store);
        CPPUNIT_ASSERT(waitUntil([&] { return told.free > before; }));
        CPPUNIT_ASSERT_EQUAL(0, told.timesDeaf.load());
    }

    void testFeedWithoutDescriptorsIsDeafUntilThereAreSome()
    {
        const auto store = openStore(_path);
        takeAndRelease(*store);
        FeedCounts told;
        const auto feed = store->releaseFeed(told);
        {
            const NoDescriptors none;
            feed->watch("job");
            CPPUNIT_ASSERT(waitUntil([&] { return told.timesDeaf == 1; }));
            feed->watch("another job");
        }
        CPPUNIT_ASSERT(waitUntil([&] { return told.confirmed == 2; }));
        CPPUNIT_ASSERT_EQUAL(1, told.timesDeaf.load());
        takeAndRelease(*store);
        CPPUNIT_ASSERT(waitUntil([&] { return told.free > 0; }));
    }

    void testStoresBehindASymbolicLinkWakeEachOther()
    {
        const auto store = openStore(_path);
        takeAndRelease(*store);
        const auto link = _directory.file("link.db");
        std::filesystem::create_symlink(_path, link);
        const auto other = openStore(link);
        FeedCounts told;
        const auto feed = other->releaseFeed(told);
        feed->watch("job");
        CPPUNIT_ASSERT(waitUntil([&] { return told.confirmed == 1; }));
        takeAndRelease(*store);
        CPPUNIT_ASSERT(waitUntil([&] { return told.free > 0; }));
    }

    void testWaiterIsWokenByTheReleaseOfAnotherService()
    {
        LockPolicy policy;
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1h});
        const auto quiet = std::make_shared<LockObserver>();
        LockManagerService holder(openStore(_path), policy, {.observers = {quiet}});
        LockManagerService waiter(openStore(_path), policy, {.observers = {quiet}});
        auto held = holder.acquire("job");
        std::atomic<bool> waits{false};
        auto granted = std::async(std::launch::async,
                                  [&]
                                  {
                                      waits = true;
                                      const auto lock = waiter.acquire("job", {.wait = 1min});
                                      return std::chrono::steady_clock::now();
                                  });
        CPPUNIT_ASSERT(waitUntil([&] { return waits && std::filesystem::exists(_wakePath); }));
        const auto released = std::chrono::steady_clock::now();
        held.release();
        CPPUNIT_ASSERT(granted.get() - released < 9s); // the safety poll comes after ten seconds
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteFeedTest);

} // namespace Leasehold
