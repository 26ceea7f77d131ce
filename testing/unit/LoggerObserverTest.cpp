#include "Leasehold/LoggerObserver.h"
#include "ServiceFixture.h"
#include "thrown.h"

#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>
#include <Poco/Logger.h>
#include <Poco/Message.h>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// Keeps the logged messages as "priority text".
class KeptMessages : public Poco::Channel
{
public:
    void log(const Poco::Message& message) override
    {
        static constexpr const char* priorities[] = {"",       "fatal",       "critical", "error", "warning",
                                                     "notice", "information", "debug",    "trace"};
        const std::lock_guard guard(_mutex);
        _texts.push_back(std::string(priorities[message.getPriority()]) + ": " + message.getText());
    }

    std::vector<std::string> take()
    {
        const std::lock_guard guard(_mutex);
        return std::exchange(_texts, {});
    }

private:
    std::mutex _mutex;
    std::vector<std::string> _texts;
};

} // namespace

class LoggerObserverTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(LoggerObserverTest);
    CPPUNIT_TEST(testEachEventHasItsTextAndItsLevel);
    CPPUNIT_TEST(testLevelThatIsOffWritesNothing);
    CPPUNIT_TEST(testDefaultObserverIsTheLoggerLeasehold);
    CPPUNIT_TEST(testNoTokenIsEverLogged);
    CPPUNIT_TEST_SUITE_END();

    Poco::AutoPtr<KeptMessages> kept;

    /// Makes the logger of this name write only to this channel.
    void listen(const std::string& name, int level)
    {
        auto& logger = Poco::Logger::get(name);
        logger.setChannel(kept);
        logger.setLevel(level);
    }

public:
    void setUp() override { kept = new KeptMessages; }

    void tearDown() override
    {
        for (const char* name : {"Leasehold", "LoggerObserverTest"})
        {
            Poco::Logger::get(name).setChannel({});
            Poco::Logger::get(name).setLevel(Poco::Message::PRIO_INFORMATION);
        }
    }

    void testEachEventHasItsTextAndItsLevel()
    {
        listen("LoggerObserverTest", Poco::Message::PRIO_TRACE);
        LoggerObserver logged("LoggerObserverTest");
        LockRecord holder;
        holder.fence = 8;
        holder.remaining = 12s;
        const auto expect = [&](std::initializer_list<std::string> texts)
        { CPPUNIT_ASSERT(std::vector<std::string>(texts) == kept->take()); };

        logged.storeOpened("memory", "in this process", "beware");
        expect({"information: locks are kept in the memory store in this process", "warning: beware"});
        logged.storeOpened("sqlite", "/locks.db", "");
        expect({"information: locks are kept in the sqlite store /locks.db"});
        logged.acquired("job", 7, 1500us);
        expect({"debug: lock \"job\" (fence 7) acquired in 1500 us"});
        logged.held("job", holder);
        expect({"debug: lock \"job\" (fence 8) is held by another; the lease ends in 12s unless it is renewed"});
        logged.waited("job", holder, 2ms);
        expect({"debug: lock \"job\" (fence 8) is held by another; waiting for 2000 us so far"});
        logged.storeUnavailable("job", "no route", 2ms);
        expect({"warning: still waiting for lock \"job\", although its store has been unavailable for 2000 us: no route"});
        logged.renewed("job", 7, 3ms);
        expect({"trace: lock \"job\" (fence 7) renewed in 3000 us"});
        logged.renewalFailed("job", 7, "no route", 17s);
        expect({"warning: lock \"job\" (fence 7) could not be renewed: no route; 17s of its lease are left"});
        logged.lost("job", 7, LossReason::expired);
        expect({"error: lock \"job\" (fence 7) was lost: expired"});
        logged.released("job", 7, 1s);
        expect({"debug: lock \"job\" (fence 7) released after 1000000 us"});
        logged.releaseFailed("job", 7, "no route");
        expect({"warning: lock \"job\" (fence 7) could not be released: no route; its lease ends by itself"});
        logged.callbackMisbehaved("it threw");
        expect({"warning: a callback of a lock misbehaved: it threw"});
        logged.pruneFailed("no route");
        expect({"warning: old lock records could not be pruned: no route; nothing depends on it"});
        logged.feedDeaf("no route");
        expect({"information: the store does not hear of released locks: no route; waiters poll until it does"});
    }

    void testLevelThatIsOffWritesNothing()
    {
        listen("LoggerObserverTest", 0);
        LoggerObserver logged("LoggerObserverTest");
        logged.storeOpened("memory", "here", "beware");
        logged.acquired("job", 7, 1ms);
        logged.held("job", {});
        logged.waited("job", {}, 1ms);
        logged.storeUnavailable("job", "why", 1ms);
        logged.renewed("job", 7, 1ms);
        logged.renewalFailed("job", 7, "why", 1ms);
        logged.lost("job", 7, LossReason::refused);
        logged.released("job", 7, 1ms);
        logged.releaseFailed("job", 7, "why");
        logged.callbackMisbehaved("what");
        logged.pruneFailed("why");
        logged.feedDeaf("why");
        CPPUNIT_ASSERT(kept->take().empty());
    }

    void testDefaultObserverIsTheLoggerLeasehold()
    {
        listen("Leasehold", Poco::Message::PRIO_INFORMATION);
        LockManagerService locks(store, policy, {.clock = clock});
        auto lock = locks.acquire("job", {.maxHold = 1s});
        clock->advance(1s);
        const auto texts = kept->take();
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, texts.size());
        assertNames(texts[0], {"information: locks are kept in the memory store"});
        assertNames(texts[1], {"warning: ", "\"memory\" is not shared across hosts"});
        assertNames(texts[2], {"error: lock \"job\"", "was lost: maxHold"});
    }

    /// A reader of the log must not be able to release a lock.
    void testNoTokenIsEverLogged()
    {
        listen("Leasehold", Poco::Message::PRIO_TRACE);
        std::mutex mutex;
        std::vector<std::string> tokens;
        policy.token.draw = [&]
        {
            auto token = drawToken();
            const std::lock_guard guard(mutex);
            return tokens.emplace_back(token);
        };
        {
            LockManagerService locks(store, policy, {.clock = clock});
            auto lock = locks.acquire("job");
            CPPUNIT_ASSERT(!locks.tryAcquire("job"));
            faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
            clock->advance(30s);
            faulty->clear();
            faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::error);
            locks.withLock("other", [] {});
            faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::after);
            messageOf<LockStoreUnavailable>([&] { auto attempt = locks.tryAcquire("third"); });
            clock->advance(1s);
        }
        const auto texts = kept->take();
        CPPUNIT_ASSERT(texts.size() > 10);
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, tokens.size());
        for (const auto& text : texts)
            for (const auto& token : tokens)
                CPPUNIT_ASSERT_MESSAGE(text, text.find(token) == std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LoggerObserverTest);
