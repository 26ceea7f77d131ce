#include "Leasehold/ConformanceSuite.h"
#include "Leasehold/Exceptions.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// Every verb on one lock that `lease` holds, with the names that failures show.
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
                 // Trouble with the only item is trouble with the call.
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

/// How long calls may take that cannot be answered, and how long after that a slow machine may come back.
constexpr Milliseconds deadline{300};
constexpr Milliseconds patience{5000};

} // namespace

/// Busy is a value, trouble is an exception, and neither is ever the other.
void addTroubleTests(ConformanceSuite& suite)
{
    suite.layer("trouble");

    suite.test("testACallWhoseDeadlineHasPassedIsUnavailable",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   auto calls = changingCalls(grant.lease);
                   for (const auto& call : lookingCalls(grant.lease))
                       calls.push_back(call);
                   for (const auto& call : calls)
                       for (const auto limit : {0ms, -5ms})
                           requireUnavailable(bench.store(), call, StoreBench::within(limit));
                   bench.requireUnchanged(grant.record); // known only because nothing was sent
               });

    suite.test("testACallThatIsCancelledIsUnavailable",
               [](StoreBench& bench)
               {
                   const auto grant = bench.grant("a", "t");
                   std::stop_source cancel;
                   cancel.request_stop();
                   for (const auto& call : changingCalls(grant.lease))
                       requireUnavailable(bench.store(), call, CallContext::within(20s, cancel.get_token()));
                   bench.requireUnchanged(grant.record);
               });

    suite.test("testTheStoreSaysWhatItIs",
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

    suite.test<Outage>("testAnOutageIsNeitherBusyNorLost",
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

    suite.test<Outage>("testAFreeLockIsNotGrantedDuringAnOutage",
                       [](StoreBench& bench, Outage& storage)
                       {
                           storage.cutOff();
                           requireUnavailable(bench.store(), changingCalls({"free", "t", 1}).front(), StoreBench::within(deadline));
                           storage.reconnect();
                       });

    suite.test<Outage>("testACallDuringAnOutageEndsSoonWhenItIsCancelled",
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

    suite.test<Outage>("testTheStoreWorksAgainAfterAnOutage",
                       [](StoreBench& bench, Outage& storage)
                       {
                           const auto grant = bench.grant("a", "t");
                           storage.cutOff();
                           requireUnavailable(bench.store(), changingCalls(grant.lease).front(), StoreBench::within(deadline));
                           storage.reconnect();
                           // The call that was cut off may have taken effect late; this one's token may not.
                           CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                           CPPUNIT_ASSERT(bench.acquire("a", "u").status == AcquireStatus::held);
                           CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::released);
                           bench.requireFree("a", "v");
                       });

    suite.test<Outage>(
        "testAFailedPreparationIsNotRemembered",
        [](StoreBench& bench, Outage& storage)
        {
            const auto newcomer = bench.harness().openStore();
            const auto waiting = bench.harness().openStore();
            storage.cutOff();
            for (int attempt = 0; attempt < 2; ++attempt)
            {
                // A storage that only cannot be written may be prepared; what matters is what comes after.
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
                                    CPPUNIT_ASSERT(bench.release(grant.lease) == ReleaseStatus::notHeld);
                            });

    suite.test<NewerSchema>("testAStorageOfANewerVersionIsRefusedAndLeftAsItIs",
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
