#include "ServiceFixture.h"
#include "thrown.h"

#include <optional>
#include <stdexcept>
#include <type_traits>

using namespace Leasehold;
using namespace std::chrono_literals;

class WithLockTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(WithLockTest);
    CPPUNIT_TEST(testCallbackRunsUnderTheLockAndItsResultIsReturned);
    CPPUNIT_TEST(testCallbackThatTakesTheLockGetsIt);
    CPPUNIT_TEST(testCallbackThatCanBeCalledEitherWayGetsTheLock);
    CPPUNIT_TEST(testCallbackMayReturnNothing);
    CPPUNIT_TEST(testCallbackAndResultMayBeMoveOnly);
    CPPUNIT_TEST(testReferenceIsReturnedAsAReference);
    CPPUNIT_TEST(testPointerToAMemberFunctionOfTheLockIsACallback);
    CPPUNIT_TEST(testWhatTheCallbackThrowsIsPassedOnAfterTheRelease);
    CPPUNIT_TEST(testLockThatIsHeldByAnotherThrowsAndTheCallbackDoesNotRun);
    CPPUNIT_TEST(testHolderWhoseMetadataCannotBeReadIsNamedAllTheSame);
    CPPUNIT_TEST(testOutageNeverLooksLikeBusy);
    CPPUNIT_TEST(testCallbackThatOutlivesItsLeaseLosesItsResult);
    CPPUNIT_TEST(testReleaseThatTheStorageRefusesIsALoss);
    CPPUNIT_TEST(testReleaseThatCannotBeSentIsToldAndTheResultReturned);
    CPPUNIT_TEST(testReleaseThatFailsForGoodIsToldAndTheResultReturned);
    CPPUNIT_TEST(testStoreThatThrowsSomethingElseOnReleaseLosesNoResult);
    CPPUNIT_TEST(testMetadataOfTheHolderIsInTheStorage);
    CPPUNIT_TEST(testSameProcessIsRefusedToo);
    CPPUNIT_TEST(testTryWithLockReturnsTheResultOfWork);
    CPPUNIT_TEST(testTryWithLockOfVoidWorkSaysWhetherItRan);
    CPPUNIT_TEST(testTryWithLockOfHeldLockIsEmpty);
    CPPUNIT_TEST(testTryWithLockWaitsAsTheOptionsSay);
    CPPUNIT_TEST(testTryWithLockThrowsForTroubleAndLoss);
    CPPUNIT_TEST(testTryWithLockPassesOnExceptionsAfterTheRelease);
    CPPUNIT_TEST_SUITE_END();

public:
    void testCallbackRunsUnderTheLockAndItsResultIsReturned()
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

    void testCallbackThatTakesTheLockGetsIt()
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

    void testCallbackThatCanBeCalledEitherWayGetsTheLock()
    {
        struct Both
        {
            int operator()() const { return 1; }
            int operator()(const Lock&) const { return 2; }
        };
        auto locks = service();
        CPPUNIT_ASSERT_EQUAL(2, locks.withLock("job", Both{}));
    }

    void testCallbackMayReturnNothing()
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

    void testReferenceIsReturnedAsAReference()
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

    void testPointerToAMemberFunctionOfTheLockIsACallback()
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

    void testLockThatIsHeldByAnotherThrowsAndTheCallbackDoesNotRun()
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
            assertNames(error.what(),
                        {"\"job\"", "in the memory store in this process is held", "elsewhere", "30.0 s", "LockOptions::wait"});
            CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"elsewhere"})"), error.holder().metadata);
            CPPUNIT_ASSERT_EQUAL(Milliseconds{30000}, error.holder().remaining);
        }
        CPPUNIT_ASSERT(!ran);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("held job"));
    }

    void testHolderWhoseMetadataCannotBeReadIsNamedAllTheSame()
    {
        for (const std::string metadata : {"no JSON", R"({"pid":18446744073709551617})"}) // which the parser reads as process 1
        {
            memory->acquire({metadata, "another's token", 30s, metadata, 0}, context());
            auto locks = service();
            assertNames(messageOf<LockAcquisitionError>([&] { locks.withLock(metadata, [] {}); }), {"unreadable metadata", "30.0 s"});
        }
    }

    void testOutageNeverLooksLikeBusy()
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

    void testCallbackThatOutlivesItsLeaseLosesItsResult()
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

    void testReleaseThatTheStorageRefusesIsALoss()
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
            CPPUNIT_ASSERT(error.reason() == LossReason::broken);
        }
        clock->settle();
        CPPUNIT_ASSERT(lost.stop_requested());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job broken"));
    }

    void testReleaseThatCannotBeSentIsToldAndTheResultReturned()
    {
        auto locks = service();
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable);
        CPPUNIT_ASSERT_EQUAL(5, locks.withLock("job", [] { return 5; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    void testReleaseThatFailsForGoodIsToldAndTheResultReturned()
    {
        auto locks = service();
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::error);
        CPPUNIT_ASSERT_EQUAL(5, locks.withLock("job", [] { return 5; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job"));
    }

    void testStoreThatThrowsSomethingElseOnReleaseLosesNoResult()
    {
        struct Careless : FaultyLockStore
        {
            using FaultyLockStore::FaultyLockStore;
            ReleaseReply release(const LeaseRef&, const CallContext&) override { throw std::runtime_error("a store's own trouble"); }
        };
        LockManagerService locks(std::make_shared<Careless>(memory), policy, {.clock = clock, .observers = {observer}});
        CPPUNIT_ASSERT_EQUAL(5, locks.withLock("job", [] { return 5; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job: a store's own trouble"));
        auto lock = locks.acquire("other");
        assertNames(messageOf<LockStoreError>([&] { lock.release(); }), {"\"other\"", "a store's own trouble"});
    }

    void testMetadataOfTheHolderIsInTheStorage()
    {
        auto locks = service();
        locks.withLock("job",
                       [this] { CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1"})"), memory->find("job", context())->metadata); },
                       {.metadata = {{"host", "web-1"}}});
    }

    void testSameProcessIsRefusedToo()
    {
        auto locks = service();
        locks.withLock("job", [&] { messageOf<LockAcquisitionError>([&] { locks.withLock("job", [] {}); }); });
    }

    void testTryWithLockReturnsTheResultOfWork()
    {
        auto locks = service();
        const auto result = locks.tryWithLock("job",
                                              [this]
                                              {
                                                  CPPUNIT_ASSERT(isHeldInStorage("job"));
                                                  return 42;
                                              });
        static_assert(std::is_same_v<decltype(result), const std::optional<int>>);
        CPPUNIT_ASSERT_EQUAL(42, result.value());
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT(locks.tryWithLock("job", [](const Lock& lock) { return lock.fence(); }).value() > 0);
        CPPUNIT_ASSERT_EQUAL(7, **locks.tryWithLock("job", [owned = std::make_unique<int>(7)]() mutable { return std::move(owned); }));
        const auto no = locks.tryWithLock("job", []() -> bool { return false; });
        static_assert(std::is_same_v<decltype(no), const std::optional<bool>>);
        CPPUNIT_ASSERT_MESSAGE("the work ran and said no", no.has_value() && !*no);
    }

    void testTryWithLockOfVoidWorkSaysWhetherItRan()
    {
        auto locks = service();
        bool ran = false;
        const bool didRun = locks.tryWithLock("job", [&](const Lock& lock) { ran = lock.isHeld(); }, {.metadata = {{"host", "web-1"}}});
        CPPUNIT_ASSERT(ran && didRun);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testTryWithLockOfHeldLockIsEmpty()
    {
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto locks = service();
        bool ran = false;
        CPPUNIT_ASSERT(!locks.tryWithLock("job", [&] { ran = true; }));
        CPPUNIT_ASSERT(!locks.tryWithLock("job", [&] { return ran = true; }).has_value());
        CPPUNIT_ASSERT(!ran);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, observer->count("held job"));
    }

    void testTryWithLockWaitsAsTheOptionsSay()
    {
        auto locks = service();
        std::stop_source stop;
        stop.request_stop();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        messageOf<LockWaitCancelled>([&] { return locks.tryWithLock("job", [] {}, {.wait = 1min, .cancel = stop.get_token()}); });
    }

    void testTryWithLockThrowsForTroubleAndLoss()
    {
        auto locks = service();
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable);
        messageOf<LockStoreUnavailable>([&] { return locks.tryWithLock("job", [] { CPPUNIT_FAIL("it ran without a lock"); }); });
        faulty->clear();
        const auto broken = [this](const Lock& lock) { return memory->breakLock("job", lock.fence(), BreakMode::now, context()); };
        messageOf<LockLostError>([&] { return locks.tryWithLock("job", broken); });
    }

    void testTryWithLockPassesOnExceptionsAfterTheRelease()
    {
        auto locks = service();
        const auto work = []() -> int { throw std::domain_error("the work went wrong"); };
        messageOf<std::domain_error>([&] { return locks.tryWithLock("job", work); });
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(WithLockTest);
