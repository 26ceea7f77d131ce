#include "Leasehold/LockPolicy.h"
#include "ServiceFixture.h"
#include "thrown.h"
#include "usedWithoutThrowing.h"

#include "Leasehold/ForkedChild.h"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

using namespace Leasehold;
using namespace std::chrono_literals;

class ForkTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(ForkTest);
    CPPUNIT_TEST(testEveryCallThrowsInAForkedChild);
    CPPUNIT_TEST(testDestructorsDoNothingInAForkedChild);
    CPPUNIT_TEST(testParentKeepsItsLockWhenItsChildEnds);
    CPPUNIT_TEST(testParentAndChildDrawOtherTokens);
    CPPUNIT_TEST(testChildMakesAServiceOfItsOwn);
    CPPUNIT_TEST_SUITE_END();

public:
    void testEveryCallThrowsInAForkedChild()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        clock->settle();
        const auto work = [&]
        {
            return usedWithoutThrowing({
                {"name", [&] { static_cast<void>(lock.name()); }},
                {"fence", [&] { static_cast<void>(lock.fence()); }},
                {"remaining", [&] { static_cast<void>(lock.remaining()); }},
                {"isHeld", [&] { static_cast<void>(lock.isHeld()); }},
                {"requireHeld", [&] { lock.requireHeld(); }},
                {"lossToken", [&] { static_cast<void>(lock.lossToken()); }},
                {"release", [&] { lock.release(); }},
                {"tryAcquire", [&] { auto attempt = locks.tryAcquire("other"); }},
                {"acquire", [&] { auto other = locks.acquire("other"); }},
                {"withLock", [&] { locks.withLock("other", [] {}); }},
                {"find", [&] { return locks.find("job"); }},
                {"list", [&] { return locks.list(); }},
                {"breakLock", [&] { return locks.breakLock("job", 1); }},
                {"check", [&] { locks.check(); }},
            });
        };
        CPPUNIT_ASSERT_EQUAL(std::string(), inForkedChild(work));
    }

    void testDestructorsDoNothingInAForkedChild()
    {
        std::optional<LockManagerService> locks = service();
        std::optional<Lock> lock = locks->acquire("job"), other = locks->acquire("other");
        std::optional<LockManagerService> second = service();
        clock->settle();
        const auto work = [&]() -> std::string
        {
            *lock = std::move(*other);
            lock.reset();
            other.reset();
            *second = std::move(*locks);
            second.reset();
            locks.reset();
            const bool untouched = faulty->calls(StoreVerb::release) == 0 && observer->count("lost") == 0;
            return untouched && isHeldInStorage("job") && isHeldInStorage("other") ? "nothing happened" : "something happened";
        };
        CPPUNIT_ASSERT_EQUAL(std::string("nothing happened"), inForkedChild(work));
    }

    void testParentKeepsItsLockWhenItsChildEnds()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        clock->settle();
        inForkedChild([] { return std::string(); });
        clock->advance(5min);
        CPPUNIT_ASSERT(lock.isHeld());
        lock.release();
    }

    /// Guards: a generator that keeps random bytes in a buffer gives them out in the parent and again in the child.
    void testParentAndChildDrawOtherTokens()
    {
        const auto drawSome = []
        {
            std::string tokens;
            for (int i = 0; i < 50; ++i)
                tokens += drawToken() + "\n";
            return tokens;
        };
        std::set<std::string> tokens;
        std::istringstream drawn(drawSome() + inForkedChild(drawSome) + inForkedChild(drawSome) + drawSome());
        for (std::string token; std::getline(drawn, token);)
        {
            CPPUNIT_ASSERT_EQUAL(std::size_t{32}, token.size());
            tokens.insert(token);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{200}, tokens.size());
    }

    void testChildMakesAServiceOfItsOwn()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        clock->settle();
        const auto work = [this]() -> std::string
        {
            // A clock of its own: the threads that wait in the parent's are not here, and their condition variable expects them.
            const auto ownClock = std::make_shared<ManualClock>();
            LockManagerService own(faulty, policy, {.clock = ownClock, .observers = {std::make_shared<RecordingObserver>()}});
            if (!own.find("job"))
                return "it does not see its parent's lock";
#ifndef __SANITIZE_THREAD__ // which cannot follow the threads that such a child starts
            auto other = own.acquire("other");
            if (!other.isHeld())
                return "it was lost";
#endif
            return own.list().empty() ? "it sees nothing" : "it works";
        };
        CPPUNIT_ASSERT_EQUAL(std::string("it works"), inForkedChild(work));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ForkTest);
