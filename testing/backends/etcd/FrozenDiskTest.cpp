#include "EtcdCluster.h"
#include "FreezableDisk.h"

#include "EtcdAnswer.h"
#include "base64.h"
#include "txnText.h"

#include "Leasehold/EtcdLockStore.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/FaultSchedule.h"
#include "Leasehold/TimeSource.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <atomic>
#include <iostream>
#include <thread>

namespace Leasehold
{

using namespace std::chrono_literals;

namespace
{

constexpr std::size_t locks = 5;
constexpr Milliseconds ttl = 4s;
constexpr Milliseconds frozen = 8s;
constexpr Milliseconds callLimit = 2s;

/// What a holder believes, and what a rival got.
struct Lock
{
    std::atomic<LocalTime> validUntil{}; // counted from before the request
    std::atomic<bool> isLost = false;    // the holder was told
    std::atomic<bool> isTaken = false;
    std::atomic<Milliseconds> overlap{};

    void taken()
    {
        isTaken = true;
        const auto left = validUntil.load() - LocalClock::now();
        if (!isLost && left > 0ms)
            overlap = std::chrono::duration_cast<Milliseconds>(left);
    }
};

/// One way to lock, with a holder that renews every second and a rival that tries again and again, each on its own connections.
class Recipe
{
public:
    virtual ~Recipe() = default;

    virtual void acquire(std::size_t lock) = 0;
    /// False: the lock is lost. Throws if there is no answer.
    virtual bool renew(std::size_t lock) = 0;
    virtual bool take(std::size_t lock) = 0;

    std::array<Lock, locks> all{};

    std::size_t overlaps() const
    {
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const Lock& one) { return one.overlap.load() > 0ms; }));
    }
    Milliseconds longestOverlap() const
    {
        Milliseconds longest{};
        for (const auto& one : all)
            longest = std::max(longest, one.overlap.load());
        return longest;
    }

    void begin()
    {
        for (std::size_t lock = 0; lock < locks; ++lock)
        {
            const auto before = LocalClock::now();
            acquire(lock);
            all[lock].validUntil = before + ttl;
        }
    }

    void keep(const std::stop_token& end)
    {
        while (!end.stop_requested())
        {
            for (std::size_t lock = 0; lock < locks; ++lock)
                keepOne(all[lock], lock);
            std::this_thread::sleep_for(1s);
        }
    }

    void rival(const std::stop_token& end)
    {
        while (!end.stop_requested())
        {
            for (std::size_t lock = 0; lock < locks; ++lock)
                tryToTake(all[lock], lock);
            std::this_thread::sleep_for(50ms);
        }
    }

private:
    void keepOne(Lock& state, std::size_t lock)
    {
        if (state.isLost)
            return;
        try
        {
            const auto before = LocalClock::now();
            if (renew(lock))
                state.validUntil = before + ttl;
            else
                state.isLost = true;
        }
        catch (const std::exception&)
        {
            // no answer: the holder believes in the last one
        }
    }

    void tryToTake(Lock& state, std::size_t lock)
    {
        if (state.isTaken)
            return;
        try
        {
            if (take(lock))
                state.taken();
        }
        catch (const std::exception&)
        {
            // no answer: nothing was taken, as far as the rival knows
        }
    }
};

/// This store.
class OurRecipe : public Recipe
{
public:
    OurRecipe(const EtcdServer& node, int round) : _holder(options(node)), _rival(options(node)), _round(round)
    {
        _holder.prepare(CallContext::within(10s));
        _rival.prepare(CallContext::within(10s));
    }

    void acquire(std::size_t lock) override
    {
        const auto reply = _holder.acquire({name(lock), "holder", ttl}, CallContext::within(10s));
        CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
        _fences[lock] = reply.record.fence;
    }
    bool renew(std::size_t lock) override
    {
        const std::vector<RenewRequest> requests{{{name(lock), "holder", _fences[lock]}, ttl}};
        const auto reply = _holder.renew(requests, CallContext::within(callLimit)).at(0);
        if (reply.status == RenewStatus::unavailable)
            throw LockStoreUnavailable(reply.reason);
        return reply.status == RenewStatus::renewed;
    }
    bool take(std::size_t lock) override
    {
        return _rival.acquire({name(lock), "rival", ttl}, CallContext::within(callLimit)).status == AcquireStatus::granted;
    }

private:
    static EtcdOptions options(const EtcdServer& node)
    {
        EtcdOptions options;
        options.nodes = {node.url()};
        return options;
    }
    std::string name(std::size_t lock) const { return std::to_string(_round) + '/' + std::to_string(lock); }

    EtcdLockStore _holder, _rival;
    const int _round;
    std::array<Fence, locks> _fences{};
};

/// etcd's own: the key of a lock hangs on one lease, which KeepAlive extends.
class UsualRecipe : public Recipe
{
public:
    UsualRecipe(const EtcdServer& node, int round) : _node(node), _round(round) {}

    void acquire(std::size_t lock) override
    {
        _leases[lock] = grantLease();
        CPPUNIT_ASSERT(put(lock, _leases[lock]));
    }
    bool renew(std::size_t lock) override
    {
        const auto answer = _node.ask("POST", "/v3/lease/keepalive", R"({"ID":")" + std::to_string(_leases[lock]) + "\"}", callLimit);
        if (answer.status != 200 || answer.body.find(R"("result")") == std::string::npos)
            throw std::runtime_error("no answer");
        return answer.body.find(R"("TTL")") != std::string::npos; // left out when it is 0
    }
    bool take(std::size_t lock) override
    {
        if (LocalClock::now() - _rivalLeaseMadeAt > ttl / 2)
        {
            _rivalLease = grantLease();
            _rivalLeaseMadeAt = LocalClock::now();
        }
        return put(lock, _rivalLease);
    }

private:
    std::int64_t grantLease() const
    {
        const auto answer =
            _node.ask("POST", "/v3/lease/grant",
                      R"({"TTL":")" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(ttl).count()) + "\"}", callLimit);
        return Etcd::readLease(answer.body).value().id;
    }
    bool put(std::size_t lock, std::int64_t lease) const
    {
        const auto key = "usual/" + std::to_string(_round) + '/' + std::to_string(lock);
        std::string success;
        Etcd::appendWithLease(success, Etcd::putOnLease(key), lease);
        const auto answer = _node.ask("POST", "/v3/kv/txn", Etcd::txnText(Etcd::ifAbsent(key), success, {}), callLimit);
        return Etcd::readTxn(answer.body).value().txn.succeeded;
    }

    const EtcdServer& _node;
    const int _round;
    std::array<std::int64_t, locks> _leases{};
    std::int64_t _rivalLease = 0;
    LocalTime _rivalLeaseMadeAt{};
};

} // namespace

/// The disk of the leader hangs while holders renew through a follower. Both recipes meet the same fault, in a version that Debian 12 has.
class FrozenDiskTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FrozenDiskTest);
    CPPUNIT_TEST(testNoLockHasTwoHoldersWhenLeadersDiskHangs);
    CPPUNIT_TEST_SUITE_END();

    struct Result
    {
        std::size_t ours = 0, usual = 0;
    };

    static Result round(EtcdCluster& cluster, std::array<FreezableDisk, EtcdCluster::size>& disks, int number)
    {
        cluster.awaitHealth();
        const auto leader = cluster.leader();
        const auto follower = (leader + 1 + static_cast<std::size_t>(number) % 2) % EtcdCluster::size;
        OurRecipe ours(cluster.node(follower), number);
        UsualRecipe usual(cluster.node(follower), number);
        ours.begin();
        usual.begin();
        {
            std::vector<std::jthread> threads;
            for (Recipe* const recipe : {static_cast<Recipe*>(&ours), static_cast<Recipe*>(&usual)})
            {
                threads.emplace_back([recipe](const std::stop_token& end) { recipe->keep(end); });
                threads.emplace_back([recipe](const std::stop_token& end) { recipe->rival(end); });
            }
            disks.at(leader).freeze();
            try
            {
                // The leader hangs when it writes.
                cluster.node(leader).ask("POST", "/v3/kv/txn", Etcd::txnText({}, Etcd::putValue("written", "x"), {}), 300ms);
            }
            catch (const Net::CallFailure&)
            {
            }
            std::this_thread::sleep_for(frozen);
            disks.at(leader).thaw();
            std::this_thread::sleep_for(5s);
        }
        std::cout << "    round " << number << ": two holders of " << ours.overlaps() << " of " << locks << " locks of this store, of "
                  << usual.overlaps() << " of " << locks << " of the usual recipe, for up to "
                  << std::max(ours.longestOverlap(), usual.longestOverlap()).count() << " ms" << std::endl;
        return {ours.overlaps(), usual.overlaps()};
    }

public:
    void testNoLockHasTwoHoldersWhenLeadersDiskHangs()
    {
        std::array<FreezableDisk, EtcdCluster::size> disks;
        std::vector<EtcdSetup> setups;
        for (const auto& disk : disks)
            setups.push_back({.dataFolder = disk.path() + "/data"});
        EtcdCluster cluster(EtcdKind::etcd34, setups);
        const int rounds = isLongTest() ? 20 : 2;
        std::cout << "\n    three nodes of " << cluster.node(0).name() << ", " << rounds << " rounds" << std::endl;
        int shown = 0;
        for (int number = 1; shown < rounds && number <= 2 * rounds + 2; ++number)
        {
            const auto result = round(cluster, disks, number);
            CPPUNIT_ASSERT_EQUAL(std::size_t{0}, result.ours);
            // A round where the usual recipe is exclusive too shows nothing: on a loaded machine the fault may come to nothing.
            shown += result.usual > 0 ? 1 : 0;
        }
        CPPUNIT_ASSERT_EQUAL(rounds, shown);
    }
};

/// The suite. On a machine where no disk can be frozen, it has no test, and says so in the form that testing/count reads.
class FrozenDiskSuite : public CppUnit::TestFactory
{
public:
    CppUnit::Test* makeTest() override
    {
        const auto why = FreezableDisk::whyNot();
        if (why.empty())
            return FrozenDiskTest::suite();
        std::cout << "etcd34: left out, for want of a disk that hangs on this machine (" << why
                  << "): FrozenDiskTest::testNoLockHasTwoHoldersWhenLeadersDiskHangs\n";
        return new CppUnit::TestSuite("FrozenDiskTest");
    }
};

static FrozenDiskSuite frozenDiskSuite;
[[maybe_unused]] static const bool isRegistered = (CppUnit::TestFactoryRegistry::getRegistry().registerFactory(&frozenDiskSuite), true);

} // namespace Leasehold
