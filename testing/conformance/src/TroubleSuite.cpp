#include "Leasehold/ConformanceSuite.h"
#include "Leasehold/Exceptions.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// Every verb on one lock that `lease` holds, with its name for messages.
struct Call
{
    std::string verb;
    std::function<void(LockStore&, const CallContext&)> make;
};

std::vector<Call> changingCalls(const LeaseRef& lease)
{
    return {{"acquire",
             [=](LockStore& store, const CallContext& context) {
                 store.acquire({lease.name, "another", StoreBench::longTtl, "{}", 0}, context);
             }},
            {"renew",
             [=](LockStore& store, const CallContext& context)
             {
                 const std::vector<RenewRequest> requests{{lease, StoreBench::longTtl}};
                 // A failure of the only item counts as a failure of the call.
                 const auto reply = store.renew(requests, context).at(0);
                 if (reply.status == RenewStatus::unavailable)
                     throw LockStoreUnavailable(reply.reason);
             }},
            {"release", [=](LockStore& store, const CallContext& context) { store.release(lease, context); }},
            {"breakLock",
             [=](LockStore& store, const CallContext& context) { store.breakLock(lease.name, lease.fence, BreakMode::now, context); }}};
}

std::vector<Call> lookingCalls(const LeaseRef& lease)
{
    return {{"find", [=](LockStore& store, const CallContext& context) { store.find(lease.name, context); }},
            {"list", [](LockStore& store, const CallContext& context) { store.list({}, context); }}};
}

void requireUnavailable(LockStore& store, const Call& call, const CallContext& context)
{
    try
    {
        call.make(store, context);
    }
    catch (const LockStoreUnavailable&)
    {
        return;
    }
    catch (const LockException& error)
    {
        CPPUNIT_FAIL(call.verb + " failed otherwise than with LockStoreUnavailable: " + error.message());
    }
    CPPUNIT_FAIL(call.verb + " answered where it could not know");
}

Call pruneCall()
{
    return {"prune", [](LockStore& store, const CallContext& context) { store.prune(1ms, context); }};
}

/// The answer of the call; nullopt if it throws LockStoreUnavailable.
template <typename Look>
auto answerOf(Look look) -> std::optional<decltype(look())>
{
    try
    {
        return look();
    }
    catch (const LockStoreUnavailable&)
    {
        return std::nullopt;
    }
}

/// The deadline of calls that cannot be answered, and how much later a slow machine may return.
constexpr Milliseconds deadline{300};
constexpr Milliseconds patience{5000};

} // namespace

/// Tests that busy is a value, trouble is an exception, and a store never reports one as the other.
void addTroubleTests(ConformanceSuite& suite)
{
    suite.layer("trouble");

    suite.test("testCallWhoseDeadlineHasPassedIsUnavailable",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   auto calls = changingCalls(grant.lease);
                   for (const auto& call : lookingCalls(grant.lease))
                       calls.push_back(call);
                   calls.push_back(pruneCall());
                   for (const auto& call : calls)
                       for (const auto limit : {0ms, -5ms})
                           requireUnavailable(bench.store(), call, StoreBench::within(limit));
                   bench.requireUnchanged(grant.record); // certain, because no request was sent
               });

    suite.test("testCallThatIsCancelledIsUnavailable",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   std::stop_source cancel;
                   cancel.request_stop();
                   auto calls = changingCalls(grant.lease);
                   calls.push_back(pruneCall());
                   for (const auto& call : calls)
                       requireUnavailable(bench.store(), call, CallContext::within(20s, cancel.get_token()));
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testStoreSaysWhatItIs",
               [](StoreBench& bench)
               {
                   bench.grant("a", "secret-token-6f1d");
                   const auto info = bench.store().info();
                   CPPUNIT_ASSERT(!info.type.empty());
                   CPPUNIT_ASSERT(!info.location.empty());
                   CPPUNIT_ASSERT(info.location.find("secret-token-6f1d") == std::string::npos);
                   CPPUNIT_ASSERT(info.ttlGranularity >= 1ms);
                   CPPUNIT_ASSERT(info.clockUncertainty >= 0ms);
                   CPPUNIT_ASSERT(info.maxTtl == 0ms || info.maxTtl >= info.minTtl);
               });

    suite.test<Outage>("testOutageIsNeitherBusyNorLost",
                       [](StoreBench& bench, Outage& storage)
                       {
                           const auto grant = bench.grant("a", "t");
                           storage.cutOff();
                           for (const auto& call : changingCalls(grant.lease))
                               for (int view = 0; view < 2; ++view)
                               {
                                   const auto before = std::chrono::steady_clock::now();
                                   requireUnavailable(bench.store(), call, StoreBench::within(deadline));
                                   CPPUNIT_ASSERT_MESSAGE(call.verb + " came back long after its deadline",
                                                          std::chrono::steady_clock::now() - before < deadline + patience);
                               }
                           storage.reconnect();
                       });

    suite.test<Outage>("testOutageIsNotNobody",
                       [](StoreBench& bench, Outage& storage)
                       {
                           const auto grant = bench.grant("a", "t");
                           storage.cutOff();
                           for (int view = 0; view < 2; ++view)
                           {
                               // A storage that only refuses writes may answer this rightly.
                               if (const auto found = answerOf([&] { return bench.store().find("a", StoreBench::within(deadline)); }))
                                   CPPUNIT_ASSERT_MESSAGE("find tells nobody", found->has_value());
                               if (const auto listed = answerOf([&] { return bench.store().list({}, StoreBench::within(deadline)); }))
                                   CPPUNIT_ASSERT_EQUAL_MESSAGE("list", std::size_t{1}, listed->size());
                           }
                           storage.reconnect();
                           bench.requireUnchanged(grant.record);
                       });

    suite.test<Outage>("testOutageIsNoPruneOfNothing",
                       [](StoreBench& bench, Outage& storage)
                       {
                           bench.release(bench.grant("a", "t").lease);
                           bench.advance(5ms);
                           storage.cutOff();
                           for (int view = 0; view < 2; ++view)
                               requireUnavailable(bench.store(), pruneCall(), StoreBench::within(deadline));
                           storage.reconnect();
                       });

    suite.test<Outage>("testStorageThatCannotBeReadIsNotPrepared",
                       [](StoreBench& bench, Outage& storage)
                       {
                           const auto newcomer = bench.harness().openStore();
                           storage.cutOff();
                           const bool isReadable =
                               answerOf([&] { return bench.store().find("a", StoreBench::within(deadline)); }).has_value();
                           const auto prepared = answerOf(
                               [&]
                               {
                                   newcomer->prepare(StoreBench::within(deadline));
                                   return true;
                               });
                           CPPUNIT_ASSERT_MESSAGE("prepare succeeds where nothing can be read", isReadable || !prepared);
                           storage.reconnect();
                       });

    suite.test<Outage>("testStoreSaysWhatItIsDuringAnOutage",
                       [](StoreBench& bench, Outage& storage)
                       {
                           const auto before = bench.store().info();
                           const auto newcomer = bench.harness().openStore();
                           storage.cutOff();
                           for (const auto* store : {&bench.store(), &bench.store(), newcomer.get()})
                           {
                               const auto info = store->info();
                               CPPUNIT_ASSERT_EQUAL(before.type, info.type);
                               CPPUNIT_ASSERT_EQUAL(before.location, info.location);
                           }
                           storage.reconnect();
                       });

    suite.test<Outage>("testFreeLockIsNotGrantedDuringAnOutage",
                       [](StoreBench& bench, Outage& storage)
                       {
                           storage.cutOff();
                           requireUnavailable(bench.store(), changingCalls({"free", "t", 1}).front(), StoreBench::within(deadline));
                           storage.reconnect();
                       });

    suite.test<Outage>("testCallDuringAnOutageEndsSoonWhenItIsCancelled",
                       [](StoreBench& bench, Outage& storage)
                       {
                           const auto grant = bench.grant("a", "t");
                           storage.cutOff();
                           for (const auto& call : changingCalls(grant.lease))
                           {
                               std::stop_source cancel;
                               const auto before = std::chrono::steady_clock::now();
                               {
                                   std::jthread canceller([&] { cancel.request_stop(); });
                                   requireUnavailable(bench.store(), call, CallContext::within(1min, cancel.get_token()));
                               }
                               CPPUNIT_ASSERT_MESSAGE(call.verb, std::chrono::steady_clock::now() - before < 30s);
                           }
                           storage.reconnect();
                       });

    suite.test<Outage>("testStoreWorksAgainAfterAnOutage",
                       [](StoreBench& bench, Outage& storage)
                       {
                           const auto grant = bench.grant("a", "t");
                           storage.cutOff();
                           requireUnavailable(bench.store(), changingCalls(grant.lease).front(), StoreBench::within(deadline));
                           storage.reconnect();
                           // The interrupted call may arrive late, but it must not take the lock from its holder.
                           CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                           CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                           CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::released);
                           bench.requireFree("a", "v");
                       });

    suite.test<Outage>(
        "testFailedPreparationIsNotRemembered",
        [](StoreBench& bench, Outage& storage)
        {
            const auto newcomer = bench.harness().openStore();
            const auto waiting = bench.harness().openStore();
            storage.cutOff();
            for (int attempt = 0; attempt < 2; ++attempt)
            {
                // prepare may succeed on a storage that only refuses writes. The later calls matter.
                try
                {
                    newcomer->prepare(StoreBench::within(deadline));
                }
                catch (const LockStoreUnavailable&)
                {
                }
                requireUnavailable(*newcomer, changingCalls({"a", "t", 1}).front(), StoreBench::within(deadline));
            }
            storage.reconnect();
            newcomer->prepare(StoreBench::context());
            waiting->prepare(StoreBench::context());
            const auto reply = newcomer->acquire({"b", "t", StoreBench::longTtl, "{}", 0}, StoreBench::context());
            CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
            CPPUNIT_ASSERT(waiting->acquire({"b", "u", StoreBench::longTtl, "{}", 0}, StoreBench::context()).status == AcquireStatus::held);
        });

    suite.test<StorageLoss>("testLeasesInAStorageThatLostEverythingAreLost",
                            [](StoreBench& bench, StorageLoss& storage)
                            {
                                const auto grant = bench.grant("a", "t", {.ttl = bench.shortTtl()});
                                storage.emptyStorage();
                                for (int view = 0; view < 2; ++view)
                                    CPPUNIT_ASSERT(bench.renewStatus(grant.lease, bench.shortTtl()) == RenewStatus::lost);
                                for (int view = 0; view < 2; ++view)
                                    CPPUNIT_ASSERT(bench.release(grant.lease).status == ReleaseStatus::notHeld);
                            });

    suite.test<NewerSchema>("testStorageOfANewerVersionIsRefusedAndLeftAsItIs",
                            [](StoreBench& bench, NewerSchema& storage)
                            {
                                bench.grant("a", "t");
                                bench.close();
                                storage.writeNewerSchema();
                                const auto older = bench.harness().openStore();
                                for (int attempt = 0; attempt < 2; ++attempt)
                                {
                                    bool refused = false;
                                    try
                                    {
                                        older->prepare(StoreBench::context());
                                        older->acquire({"b", "t", StoreBench::longTtl, "{}", 0}, StoreBench::context());
                                    }
                                    catch (const LockStoreUnavailable& error)
                                    {
                                        CPPUNIT_FAIL("another try will not help: " + error.message());
                                    }
                                    catch (const LockStoreError&)
                                    {
                                        refused = true;
                                    }
                                    CPPUNIT_ASSERT_MESSAGE("a storage of a newer version is used", refused);
                                }
                            });
}

} // namespace Leasehold
