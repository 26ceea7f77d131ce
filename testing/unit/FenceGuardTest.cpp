#include "Leasehold/FenceGuard.h"
#include "Leasehold/Exceptions.h"
#include "thrown.h"

#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace Leasehold;

namespace
{

/// A number with its fence. A step changes a copy, which is lost if the process "crashes" before the commit.
class GuardedNumber : public FenceGuard
{
public:
    int read() const
    {
        const std::lock_guard guard(_mutex);
        return _stored.number;
    }

    Fence highest() const
    {
        const std::lock_guard guard(_mutex);
        return _stored.fence;
    }

    void write(Fence fence, int number)
    {
        FenceGuard::write(fence, [&] { _working->number = number; });
    }
    using FenceGuard::write;

    bool crashBeforeCommit = false;

protected:
    void transact(const std::function<Fence(Fence)>& step) override
    {
        const std::lock_guard guard(_mutex);
        _working = _stored;
        _working->fence = step(_stored.fence);
        if (crashBeforeCommit)
            throw std::runtime_error("power failure");
        _stored = *_working;
    }

private:
    struct State
    {
        int number = 0;
        Fence fence = 0;
    };
    mutable std::mutex _mutex;
    State _stored;
    std::optional<State> _working;
};

} // namespace

class FenceGuardTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FenceGuardTest);
    CPPUNIT_TEST(testWhoEntersAndWritesWithAGreaterFenceIsLet);
    CPPUNIT_TEST(testStaleHolderCanNeitherEnterNorWrite);
    CPPUNIT_TEST(testSuccessorThatHasOnlyEnteredIsSafeFromAStaleWrite);
    CPPUNIT_TEST(testWithoutEnterAStaleWriteIsLost);
    CPPUNIT_TEST(testWriteThatThrowsChangesNothing);
    CPPUNIT_TEST(testCrashInBetweenLeavesTheResourceAsItWas);
    CPPUNIT_TEST(testHolderThatCrashesBetweenEnterAndWriteIsSucceeded);
    CPPUNIT_TEST(testWhatIsNoFenceIsRefused);
    CPPUNIT_TEST(testManyHoldersLoseNoUpdate);
    CPPUNIT_TEST_SUITE_END();

    GuardedNumber _resource;

public:
    void testWhoEntersAndWritesWithAGreaterFenceIsLet()
    {
        _resource.enter(5);
        _resource.write(5, 1);
        _resource.enter(5);
        _resource.write(5, 2);
        _resource.enter(9);
        _resource.write(9, 3);
        CPPUNIT_ASSERT_EQUAL(3, _resource.read());
        CPPUNIT_ASSERT_EQUAL(Fence{9}, _resource.highest());
        _resource.enter(maxFence);
    }

    void testStaleHolderCanNeitherEnterNorWrite()
    {
        _resource.enter(6);
        bool ran = false;
        assertNames(messageOf<StaleFenceError>([&] { _resource.write(5, [&] { ran = true; }); }), {"6", "older 5", "take the lock again"});
        messageOf<StaleFenceError>([&] { _resource.enter(5); });
        CPPUNIT_ASSERT(!ran);
        CPPUNIT_ASSERT_EQUAL(Fence{6}, _resource.highest());
    }

    /// The reason for enter: the stale holder writes after its successor has read and before the successor has written.
    void testSuccessorThatHasOnlyEnteredIsSafeFromAStaleWrite()
    {
        _resource.enter(1);
        const int staleRead = _resource.read();
        _resource.enter(2); // the successor enters while the first holder is paused
        const int read = _resource.read();
        messageOf<StaleFenceError>([&] { _resource.write(1, staleRead + 1); });
        _resource.write(2, read + 10);
        CPPUNIT_ASSERT_EQUAL(10, _resource.read());
    }

    /// The same without enter loses an update.
    void testWithoutEnterAStaleWriteIsLost()
    {
        const int staleRead = _resource.read();
        const int read = _resource.read();
        _resource.write(1, staleRead + 1);
        _resource.write(2, read + 10);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("one of two updates is gone", 10, _resource.read());
    }

    void testWriteThatThrowsChangesNothing()
    {
        _resource.write(1, 7);
        const auto message = messageOf<std::domain_error>([&] { _resource.write(2, [] { throw std::domain_error("the change's own"); }); });
        CPPUNIT_ASSERT_EQUAL(std::string("the change's own"), message);
        CPPUNIT_ASSERT_EQUAL(7, _resource.read());
        CPPUNIT_ASSERT_EQUAL(Fence{1}, _resource.highest());
    }

    void testCrashInBetweenLeavesTheResourceAsItWas()
    {
        _resource.write(1, 7);
        _resource.crashBeforeCommit = true;
        messageOf<std::runtime_error>([&] { _resource.enter(2); });
        messageOf<std::runtime_error>([&] { _resource.write(2, 8); });
        _resource.crashBeforeCommit = false;
        CPPUNIT_ASSERT_EQUAL_MESSAGE("value and fence are one step", 7, _resource.read());
        CPPUNIT_ASSERT_EQUAL(Fence{1}, _resource.highest());
        _resource.write(1, 9);
        CPPUNIT_ASSERT_EQUAL(9, _resource.read());
    }

    void testHolderThatCrashesBetweenEnterAndWriteIsSucceeded()
    {
        _resource.enter(3);
        _resource.enter(4);
        messageOf<StaleFenceError>([&] { _resource.write(3, 1); });
        _resource.write(4, 2);
        CPPUNIT_ASSERT_EQUAL(2, _resource.read());
    }

    void testWhatIsNoFenceIsRefused()
    {
        for (const Fence none : {Fence{0}, maxFence + 1})
        {
            assertNames(messageOf<InvalidLockRequest>([&] { _resource.enter(none); }), {std::to_string(none), "Lock::fence()"});
            messageOf<InvalidLockRequest>([&] { _resource.write(none, 1); });
        }
        CPPUNIT_ASSERT_EQUAL(Fence{0}, _resource.highest());
    }

    /// Holders with growing fences that overlap, as if every lock were lost: each update is stored or was refused.
    void testManyHoldersLoseNoUpdate()
    {
        std::atomic<Fence> next{1};
        std::atomic<int> written{0}, refused{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back(
                [&]
                {
                    for (int turn = 0; turn < 500; ++turn)
                    {
                        const Fence fence = next++;
                        try
                        {
                            _resource.enter(fence);
                            const int read = _resource.read();
                            _resource.write(fence, read + 1);
                            ++written;
                        }
                        catch (const StaleFenceError&)
                        {
                            ++refused;
                        }
                    }
                });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(2000, written + refused);
        CPPUNIT_ASSERT_EQUAL(written.load(), _resource.read());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FenceGuardTest);
