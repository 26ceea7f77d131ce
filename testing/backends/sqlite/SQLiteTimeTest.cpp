#include "Leasehold/Exceptions.h"
#include "Leasehold/ForkedChild.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <iostream>
#include <sched.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace Leasehold
{
using namespace std::chrono_literals;

/// Tests which clock judges expiry, and that steps of other clocks change nothing.
class SQLiteTimeTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteTimeTest);
    CPPUNIT_TEST(testWallClockThatIsSetForwardFreesNothing);
    CPPUNIT_TEST(testWallClockThatIsSetBackProlongsNothing);
    CPPUNIT_TEST(testFencesGrowAcrossAWallClockThatIsSetBack);
    CPPUNIT_TEST(testRecordShowsWallClockTimes);
    CPPUNIT_TEST(testLeaseOutlivesAShortReboot);
    CPPUNIT_TEST(testLeaseEndsDuringALongReboot);
    CPPUNIT_TEST(testRebootWithClockSetBackEndsLeaseWithinItsTtl);
    CPPUNIT_TEST(testRenewalAfterARebootIsByTheNewBootClock);
    CPPUNIT_TEST(testContainerThatSeesAnotherBootIdStillExcludes);
    CPPUNIT_TEST(testOffsetOfTheTimeNamespaceChangesNothing);
    CPPUNIT_TEST(testProcessesInDifferentTimeNamespacesAgree);
    CPPUNIT_TEST(testPruneForgetsOnlyIfOldByBothClocks);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");
    TestHost _host;

    std::shared_ptr<SQLiteLockStore> open() { return openStore(_path, _host.clocks()); }

    AcquireStatus statusOf(LockStore& store, const char* token = "other") { return tryAcquire(store, "job", token).status; }

    Milliseconds remaining(LockStore& store)
    {
        const auto found = store.find("job", soon());
        return found ? found->remaining : Milliseconds::zero();
    }

public:
    void testWallClockThatIsSetForwardFreesNothing()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token", 30s);
        _host.wallMs += Milliseconds(48h).count();
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::held);
        CPPUNIT_ASSERT(remaining(*store) == 30s);
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
    }

    void testWallClockThatIsSetBackProlongsNothing()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token", 30s);
        _host.wallMs -= Milliseconds(48h).count();
        _host.bootMs += 29'999;
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::held);
        _host.bootMs += 1;
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::granted);
    }

    void testFencesGrowAcrossAWallClockThatIsSetBack()
    {
        const auto store = open();
        const auto first = take(*store, "job", "first");
        store->release(first, soon());
        _host.wallMs -= Milliseconds(48h).count();
        CPPUNIT_ASSERT_EQUAL(first.fence + 1, take(*store, "job", "second").fence);
    }

    void testRecordShowsWallClockTimes()
    {
        const auto store = open();
        take(*store, "job", "token", 30s);
        const auto acquired = StorageTime(Milliseconds(_host.wallMs));
        _host.advance(10s);
        const auto found = store->find("job", soon());
        CPPUNIT_ASSERT(found.has_value());
        CPPUNIT_ASSERT(found->acquiredAt == acquired);
        CPPUNIT_ASSERT(found->expiresAt == acquired + 30s);
        CPPUNIT_ASSERT(found->remaining == 20s);
        CPPUNIT_ASSERT(found->ttl == 30s);
    }

    void testLeaseOutlivesAShortReboot()
    {
        take(*open(), "job", "token", 10min);
        _host.reboot(4min);
        const auto store = open();
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::held);
        CPPUNIT_ASSERT(remaining(*store) == 6min);
        _host.advance(6min);
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::granted);
    }

    void testLeaseEndsDuringALongReboot()
    {
        const auto lease = take(*open(), "job", "token", 30s);
        _host.reboot(30s);
        const auto store = open();
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(store->list({}, soon()).empty());
        const auto reply = tryAcquire(*store, "job", "other");
        CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
        CPPUNIT_ASSERT(reply.record.fence > lease.fence);
    }

    void testRebootWithClockSetBackEndsLeaseWithinItsTtl()
    {
        take(*open(), "job", "token", 30s);
        _host.reboot(-Milliseconds(48h));
        const auto store = open();
        CPPUNIT_ASSERT(remaining(*store) == 30s);
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::held); // from now on the row is of this boot
        _host.bootMs += 29'999;
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::held);
        _host.bootMs += 1;
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::granted);
    }

    void testRenewalAfterARebootIsByTheNewBootClock()
    {
        const auto lease = take(*open(), "job", "token", 10min);
        _host.reboot(1min);
        const auto store = open();
        CPPUNIT_ASSERT(renew(*store, lease, 30s) == RenewStatus::renewed);
        _host.wallMs += Milliseconds(48h).count();
        _host.bootMs += 29'999;
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::held);
        _host.bootMs += 1;
        CPPUNIT_ASSERT(statusOf(*store) == AcquireStatus::granted);
    }

    void testContainerThatSeesAnotherBootIdStillExcludes()
    {
        const auto inside = open();
        inside->prepare(soon());
        _host.bootId = "container";
        const auto outside = open();
        const auto lease = take(*outside, "job", "token", 30s);
        CPPUNIT_ASSERT(statusOf(*inside) == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*outside, lease) == RenewStatus::renewed);
        _host.advance(29'999ms);
        CPPUNIT_ASSERT(statusOf(*inside) == AcquireStatus::held);
        _host.advance(1ms);
        CPPUNIT_ASSERT(statusOf(*inside) == AcquireStatus::granted);
        CPPUNIT_ASSERT(renew(*outside, lease) == RenewStatus::lost);
    }

    void testOffsetOfTheTimeNamespaceChangesNothing()
    {
        const auto outside = open();
        outside->prepare(soon());
        TestHost inNamespace;
        inNamespace.offsetMs = Milliseconds(100h).count();
        const auto inside = openStore(_path, inNamespace.clocks());
        take(*outside, "job", "token", 30s);
        CPPUNIT_ASSERT(statusOf(*inside) == AcquireStatus::held);
        CPPUNIT_ASSERT(remaining(*inside) == 30s);
        inNamespace.advance(30s);
        CPPUNIT_ASSERT(statusOf(*inside) == AcquireStatus::granted);
        CPPUNIT_ASSERT(remaining(*outside) == 60s); // the outer clock of this test has not moved
    }

    void testProcessesInDifferentTimeNamespacesAgree()
    {
        constexpr int notAllowedHere = 77;
        const auto store = openStore(_path);
        take(*store, "outer", "token", 30s);
        ForkedChild child(
            [&]
            {
                if (::unshare(::geteuid() == 0 ? CLONE_NEWTIME : CLONE_NEWUSER | CLONE_NEWTIME) != 0)
                    return notAllowedHere;
                const int offsets = ::open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
                constexpr std::string_view line = "boottime 100000 0";
                if (offsets < 0 || ::write(offsets, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
                    return notAllowedHere;
                ::close(offsets);
                assertNames(messageOf<LockStoreError>([&] { openStore(_path)->prepare(soon()); }), {"time namespace", "child process"});
                ForkedChild inside( // only its children are in the new namespace
                    [&]
                    {
                        const auto own = openStore(_path);
                        const auto held = tryAcquire(*own, "outer", "other");
                        take(*own, "inner", "token", 30s);
                        return held.status == AcquireStatus::held && held.record.remaining <= 30s ? 0 : 2;
                    });
                return inside.wait();
            });
        const int status = child.wait();
        if (status == notAllowedHere)
        {
            std::cerr << "no time namespaces are allowed here: they were tried with given clocks only\n";
            return;
        }
        CPPUNIT_ASSERT_EQUAL(0, status);
        const auto inner = store->find("inner", soon());
        CPPUNIT_ASSERT(inner.has_value());
        CPPUNIT_ASSERT(inner->remaining <= 30s);
    }

    void testPruneForgetsOnlyIfOldByBothClocks()
    {
        const auto store = open();
        store->release(take(*store, "old", "token"), soon());
        _host.advance(1h + 1ms);
        store->release(take(*store, "young", "token"), soon());
        take(*store, "live", "token", 24h);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->prune(1h, soon()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(1h, soon()));
        _host.bootMs += Milliseconds(2h).count(); // "young" is old by the boot clock now, but its fence is not behind the wall clock
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(1h, soon()));
        CPPUNIT_ASSERT(store->find("live", soon()).has_value());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteTimeTest);

} // namespace Leasehold
