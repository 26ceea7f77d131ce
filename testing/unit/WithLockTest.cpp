#include "ServiceFixture.h"
#include "thrown.h"

#include <stdexcept>
#include <type_traits>

using namespace Leasehold;
using namespace std::chrono_literals;

class WithLockTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(WithLockTest);
    CPPUNIT_TEST(testTheCallbackRunsUnderTheLockAndItsResultIsReturned);
    CPPUNIT_TEST(testACallbackThatTakesTheLockGetsIt);
    CPPUNIT_TEST(testACallbackThatCanBeCalledEitherWayGetsTheLock);
    CPPUNIT_TEST(testACallbackMayReturnNothing);
    CPPUNIT_TEST(testCallbackAndResultMayBeMoveOnly);
    CPPUNIT_TEST(testAReferenceIsReturnedAsAReference);
    CPPUNIT_TEST(testAPointerToAMemberFunctionOfTheLockIsACallback);
    CPPUNIT_TEST(testWhatTheCallbackThrowsIsPassedOnAfterTheRelease);
    CPPUNIT_TEST(testALockThatIsHeldByAnotherThrowsAndTheCallbackDoesNotRun);
    CPPUNIT_TEST(testAHolderWhoseMetadataCannotBeReadIsNamedAllTheSame);
    CPPUNIT_TEST(testAnOutageNeverLooksLikeBusy);
    CPPUNIT_TEST(testACallbackThatOutlivesItsLeaseLosesItsResult);
    CPPUNIT_TEST(testAReleaseThatTheStorageRefusesIsALoss);
    CPPUNIT_TEST(testAReleaseThatCannotBeSentIsToldAndTheResultReturned);
    CPPUNIT_TEST(testAReleaseThatFailsForGoodIsToldAndTheResultReturned);
    CPPUNIT_TEST(testAStoreThatThrowsSomethingElseOnReleaseLosesNoResult);
    CPPUNIT_TEST(testTheMetadataOfTheHolderIsInTheStorage);
    CPPUNIT_TEST(testTheSameProcessIsRefusedToo);
    CPPUNIT_TEST_SUITE_END();

public:
    void testTheCallbackRunsUnderTheLockAndItsResultIsReturned()
    {
        auto locks = service();
        const int result = locks.withLock("job",
                                          [this]
                                          {
                                              CPPUNIT_ASSERT(isHeldInStorage("job"));
                                              return 42;
                                          });
        CPPUNIT_ASSERT_EQUAL(42, result);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("acquired job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("released job"));
    }

    void testACallbackThatTakesTheLockGetsIt()
    {
        auto locks = service();
        const auto fence = locks.withLock("job",
                                          [this](const Lock& lock)
                                          {
                                              CPPUNIT_ASSERT_EQUAL(std::string("job"), lock.name());
                                              CPPUNIT_ASSERT(lock.isHeld());
                                              CPPUNIT_ASSERT_EQUAL(memory->find("job", context())->fence, lock.fence());
                                              return lock.fence();
                                          });
        CPPUNIT_ASSERT(fence > 0);
    }

    void testACallbackThatCanBeCalledEitherWayGetsTheLock()
    {
        struct Both
        {
            int operator()() const { return 1; }
            int operator()(const Lock&) const { return 2; }
        };
        auto locks = service();
        CPPUNIT_ASSERT_EQUAL(2, locks.withLock("job", Both{}));
    }

    void testACallbackMayReturnNothing()
    {
        auto locks = service();
        bool ran = false;
        static_assert(std::is_void_v<decltype(locks.withLock("job", [&] { ran = true; }))>);
        locks.withLock("job", [&] { ran = true; });
        CPPUNIT_ASSERT(ran);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testCallbackAndResultMayBeMoveOnly()
    {
        auto locks = service();
        auto owned = std::make_unique<int>(7);
        std::unique_ptr<int> result = locks.withLock("job", [owned = std::move(owned)]() mutable { return std::move(owned); });
        CPPUNIT_ASSERT_EQUAL(7, *result);

        struct Once
        {
            std::unique_ptr<int> value = std::make_unique<int>(8);
            std::unique_ptr<int> operator()(const Lock&) && { return std::move(value); }
        };
        CPPUNIT_ASSERT_EQUAL(8, *locks.withLock("job", Once{}));
    }

    void testAReferenceIsReturnedAsAReference()
    {
        auto locks = service();
        int value = 1;
        auto&& result = locks.withLock("job", [&]() -> int& { return value; });
        static_assert(std::is_same_v<decltype(result), int&>);
        CPPUNIT_ASSERT_EQUAL(&value, &result);
        const auto& fixed = locks.withLock("job", [&]() -> const int& { return value; });
        CPPUNIT_ASSERT(&value == &fixed);
        auto&& moved = locks.withLock("job", [&]() -> int&& { return std::move(value); });
        static_assert(std::is_same_v<decltype(moved), int&&>);
        CPPUNIT_ASSERT(&value == &moved);
    }

    void testAPointerToAMemberFunctionOfTheLockIsACallback()
    {
        auto locks = service();
        CPPUNIT_ASSERT(locks.withLock("job", &Lock::isHeld));
    }

    void testWhatTheCallbackThrowsIsPassedOnAfterTheRelease()
    {
        auto locks = service();
        const auto message =
            messageOf<std::domain_error>([&] { locks.withLock("job", []() -> int { throw std::domain_error("the work went wrong"); }); });
        CPPUNIT_ASSERT_EQUAL(std::string("the work went wrong"), message);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testALockThatIsHeldByAnotherThrowsAndTheCallbackDoesNotRun()
    {
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto locks = service();
        bool ran = false;
        try
        {
            locks.withLock("job", [&] { ran = true; });
            CPPUNIT_FAIL("two holders");
        }
        catch (const LockAcquisitionError& error)
        {
            assertNames(error.what(), {"\"job\"", "in this process", "elsewhere", "30.0 s", "LockOptions::wait"});
            CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"elsewhere"})"), error.holder().metadata);
            CPPUNIT_ASSERT_EQUAL(Milliseconds{30000}, error.holder().remaining);
        }
        CPPUNIT_ASSERT(!ran);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("held job"));
    }

    void testAHolderWhoseMetadataCannotBeReadIsNamedAllTheSame()
    {
        for (const std::string metadata : {"no JSON", R"({"pid":18446744073709551617})"}) // which the parser takes for the process 1
        {
            memory->acquire({metadata, "another's token", 30s, metadata, 0}, context());
            auto locks = service();
            assertNames(messageOf<LockAcquisitionError>([&] { locks.withLock(metadata, [] {}); }), {"unreadable metadata", "30.0 s"});
        }
    }

    void testAnOutageNeverLooksLikeBusy()
    {
        auto locks = service();
        const auto refuse = [] { CPPUNIT_FAIL("the callback ran without a lock"); };
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable);
        messageOf<LockStoreUnavailable>([&] { locks.withLock("job", refuse); });
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::error);
        messageOf<LockStoreError>([&] { locks.withLock("job", refuse); });
        faulty->clear();
        locks.withLock("job", [] {});
    }

    void testACallbackThatOutlivesItsLeaseLosesItsResult()
    {
        auto locks = service();
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        try
        {
            locks.withLock("job",
                           [this]
                           {
                               clock->advance(28s);
                               return std::string("late");
                           });
            CPPUNIT_FAIL("a lost lock looked like success");
        }
        catch (const LockLostError& error)
        {
            CPPUNIT_ASSERT(error.reason() == LossReason::expired);
            assertNames(error.what(), {"\"job\"", "fence", "could not be renewed in time"});
        }
    }

    void testAReleaseThatTheStorageRefusesIsALoss()
    {
        auto locks = service();
        std::stop_token lost;
        try
        {
            locks.withLock("job",
                           [&](const Lock& lock)
                           {
                               lost = lock.lossToken();
                               CPPUNIT_ASSERT(memory->breakLock("job", lock.fence(), BreakMode::now, context()));
                           });
            CPPUNIT_FAIL("a broken lock looked like success");
        }
        catch (const LockLostError& error)
        {
            CPPUNIT_ASSERT(error.reason() == LossReason::refused);
        }
        clock->settle();
        CPPUNIT_ASSERT(lost.stop_requested());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job refused"));
    }

    void testAReleaseThatCannotBeSentIsToldAndTheResultReturned()
    {
        auto locks = service();
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable);
        CPPUNIT_ASSERT_EQUAL(5, locks.withLock("job", [] { return 5; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    void testAReleaseThatFailsForGoodIsToldAndTheResultReturned()
    {
        auto locks = service();
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::error);
        CPPUNIT_ASSERT_EQUAL(5, locks.withLock("job", [] { return 5; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job"));
    }

    void testAStoreThatThrowsSomethingElseOnReleaseLosesNoResult()
    {
        struct Careless : FaultyLockStore
        {
            using FaultyLockStore::FaultyLockStore;
            ReleaseStatus release(const LeaseRef&, const CallContext&) override { throw std::runtime_error("a store's own trouble"); }
        };
        LockManagerService locks(std::make_shared<Careless>(memory), policy, {.clock = clock, .observers = {observer}});
        CPPUNIT_ASSERT_EQUAL(5, locks.withLock("job", [] { return 5; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job: a store's own trouble"));
        auto lock = locks.acquire("other");
        assertNames(messageOf<LockStoreError>([&] { lock.release(); }), {"\"other\"", "a store's own trouble"});
    }

    void testTheMetadataOfTheHolderIsInTheStorage()
    {
        auto locks = service();
        locks.withLock("job",
                       [this] { CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1"})"), memory->find("job", context())->metadata); },
                       {.metadata = {{"host", "web-1"}}});
    }

    void testTheSameProcessIsRefusedToo()
    {
        auto locks = service();
        locks.withLock("job", [&] { messageOf<LockAcquisitionError>([&] { locks.withLock("job", [] {}); }); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(WithLockTest);
