#pragma once

#include "HearingStore.h"
#include "ServiceFixture.h"
#include "thrown.h"

#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <utility>

namespace Leasehold
{

/// Threads that wait for locks while only the test moves time.
struct WaitFixture : ServiceFixture
{
    /// A service whose three threads already wait, so that each further waiting thread is one of the test.
    LockManagerService running() { return runningOn(store); }
    LockManagerService runningOn(const std::shared_ptr<LockStore>& other,
                                 const std::shared_ptr<LockObserver>& watching = std::make_shared<LockObserver>())
    {
        LockManagerService locks(other, policy, {.clock = clock, .observers = {observer, watching}});
        locks.withLock("warm up", [] {});
        awaitRest(3);
        return locks;
    }

    /// Runs `work` in a thread, and returns when it waits.
    template <typename Work>
    auto whenItWaits(Work work)
    {
        clock->settle();
        const auto before = clock->waiting();
        auto thread = std::async(std::launch::async, std::move(work));
        awaitRest(before + 1);
        return thread;
    }

    auto waitFor(LockManagerService& locks, const std::string& name, LockOptions options)
    {
        return whenItWaits([&locks, name, options = std::move(options)] { return locks.tryAcquire(name, options); });
    }

    template <typename Result>
    static Result resultOf(std::future<Result>& thread)
    {
        CPPUNIT_ASSERT_MESSAGE("it waits on", thread.wait_for(std::chrono::seconds{30}) == std::future_status::ready);
        return thread.get();
    }

    /// The exception that ends the thread.
    template <typename Error, typename Result>
    static std::string failureOf(std::future<Result>& thread)
    {
        return messageOf<Error>([&] { static_cast<void>(resultOf(thread)); });
    }

    template <typename Result>
    static bool waitsOn(const std::future<Result>& thread)
    {
        return thread.wait_for(std::chrono::seconds{0}) == std::future_status::timeout;
    }

    std::size_t acquires() const { return faulty->calls(StoreVerb::acquire); }
};

} // namespace Leasehold
