#include "Leasehold/TokenPolicy.h"
#include "ServiceFixture.h"
#include "endForkedChild.h"
#include "thrown.h"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// What `work` returns in a forked child, or "threw ...". The child ends without destructors, and after 30 s in any case.
std::string inChild(const std::function<std::string()>& work)
{
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0)
        throw std::runtime_error("no pipe");
    const pid_t child = ::fork();
    if (child < 0)
        throw std::runtime_error("no child");
    if (child == 0)
    {
        ::alarm(30);
        std::string said;
        try
        {
            said = work();
        }
        catch (const std::exception& error)
        {
            said = std::string("threw ") + error.what();
        }
        const auto written = ::write(ends[1], said.data(), said.size());
        endForkedChild(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
    }
    ::close(ends[1]);
    std::string said;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        said.append(buffer, static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = -1;
    ::waitpid(child, &status, 0);
    if (status != 0)
        throw std::runtime_error("the child ended with status " + std::to_string(status) + " and said: " + said);
    return said;
}

/// "" or the first thing that does not throw as it must.
std::string usedWithoutThrowing(const std::vector<std::pair<std::string, std::function<void()>>>& uses)
{
    for (const auto& [name, use] : uses)
    {
        try
        {
            use();
            return name;
        }
        catch (const LockException& error)
        {
            if (std::string(error.what()).find("forked") == std::string::npos)
                return name + ": " + error.what();
        }
    }
    return {};
}

} // namespace

class ForkTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(ForkTest);
    CPPUNIT_TEST(testEveryCallThrowsInAForkedChild);
    CPPUNIT_TEST(testDestructorsDoNothingInAForkedChild);
    CPPUNIT_TEST(testTheParentKeepsItsLockWhenItsChildEnds);
    CPPUNIT_TEST(testParentAndChildDrawOtherTokens);
    CPPUNIT_TEST(testAChildMakesAServiceOfItsOwn);
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
                {"find", [&] { locks.find("job"); }},
                {"list", [&] { locks.list(); }},
                {"breakLock", [&] { locks.breakLock("job", 1); }},
                {"check", [&] { locks.check(); }},
            });
        };
        CPPUNIT_ASSERT_EQUAL(std::string(), inChild(work));
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
        CPPUNIT_ASSERT_EQUAL(std::string("nothing happened"), inChild(work));
    }

    void testTheParentKeepsItsLockWhenItsChildEnds()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        clock->settle();
        inChild([] { return std::string(); });
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
        std::istringstream drawn(drawSome() + inChild(drawSome) + inChild(drawSome) + drawSome());
        for (std::string token; std::getline(drawn, token);)
        {
            CPPUNIT_ASSERT_EQUAL(std::size_t{32}, token.size());
            tokens.insert(token);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{200}, tokens.size());
    }

    void testAChildMakesAServiceOfItsOwn()
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
        CPPUNIT_ASSERT_EQUAL(std::string("it works"), inChild(work));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ForkTest);
