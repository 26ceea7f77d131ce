#include "ServiceFixture.h"
#include "thrown.h"

#include <type_traits>
#include <utility>

using namespace Leasehold;
using namespace std::chrono_literals;

/// Lock and LockAttempt as values.
class LockTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(LockTest);
    CPPUNIT_TEST(testDefaultLockHoldsNothing);
    CPPUNIT_TEST(testLockConvertsToTrueWhileItIsHeld);
    CPPUNIT_TEST(testLockIsAssignedToADefaultOne);
    CPPUNIT_TEST(testAttemptGivesItsLockAwayAsAnRvalue);
    CPPUNIT_TEST(testHeldAttemptHasNoLockAndGivesItsHolderAway);
    CPPUNIT_TEST_SUITE_END();

public:
    void testDefaultLockHoldsNothing()
    {
        static_assert(std::is_nothrow_default_constructible_v<Lock>);
        static_assert(!std::is_convertible_v<Lock, bool>);
        Lock lock;
        CPPUNIT_ASSERT(!lock);
        assertNames(messageOf<LockException>([&] { return lock.isHeld(); }), {"holds nothing"});
        assertNames(messageOf<LockException>([&] { lock.release(); }), {"holds nothing"});
    }

    void testLockConvertsToTrueWhileItIsHeld()
    {
        auto locks = service();
        Lock lock = locks.acquire("job"), lost = locks.acquire("other");
        CPPUNIT_ASSERT(lock && lost);
        lock.release();
        CPPUNIT_ASSERT(!lock);
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        clock->advance(30s);
        CPPUNIT_ASSERT(!lost);
        faulty->clear();
    }

    void testLockIsAssignedToADefaultOne()
    {
        auto locks = service();
        Lock kept;
        kept = locks.acquire("job");
        CPPUNIT_ASSERT(kept && isHeldInStorage("job"));
        Lock moved = std::move(kept);
        CPPUNIT_ASSERT(!kept && moved); // NOLINT(bugprone-use-after-move): the state after a move is tested
        moved = {};
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testAttemptGivesItsLockAwayAsAnRvalue()
    {
        auto locks = service();
        Lock lock = *locks.tryAcquire("job");
        CPPUNIT_ASSERT(lock && isHeldInStorage("job"));
        const LockAttempt attempt = locks.tryAcquire("other");
        static_assert(std::is_same_v<decltype(*attempt), const Lock&>);
        CPPUNIT_ASSERT(attempt && attempt->isHeld() && (*attempt).fence() > 0);
        static_assert(std::is_same_v<decltype(*std::declval<LockAttempt&>()), Lock&>);
        static_assert(std::is_same_v<decltype(*std::declval<LockAttempt>()), Lock&&>);
    }

    void testHeldAttemptHasNoLockAndGivesItsHolderAway()
    {
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto locks = service();
        assertNames(messageOf<LockAcquisitionError>([&] { return (*locks.tryAcquire("job")).fence(); }), {"\"job\"", "held"});
        static_assert(std::is_same_v<decltype(locks.tryAcquire("job").holder()), LockRecord>);
        CPPUNIT_ASSERT_EQUAL(std::string("job"), locks.tryAcquire("job").holder().name);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LockTest);
