#include "Leasehold/ConformanceSuite.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <string>
#include <vector>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

std::vector<RenewReply> renewAll(StoreBench& bench, const std::vector<RenewRequest>& requests)
{
    const auto replies = bench.store().renew(requests, StoreBench::context());
    CPPUNIT_ASSERT_EQUAL(requests.size(), replies.size());
    return replies;
}

} // namespace

/// Many renewals in one call: each is judged by itself and answered at its position.
void addBatchTests(ConformanceSuite& suite)
{
    suite.layer("batches");

    suite.test("testRenewalOfNothingAnswersNothing", [](StoreBench& bench) { CPPUNIT_ASSERT(renewAll(bench, {}).empty()); });

    suite.test("testBatchIsAnsweredInTheOrderOfItsRequests",
               [](StoreBench& bench)
               {
                   // Each has a different TTL, so that an answer at a wrong position shows. Their order differs from that of any storage.
                   std::vector<RenewRequest> requests;
                   for (const auto number : {7, 2, 9, 0, 5, 1, 8, 3, 6, 4})
                       requests.push_back({bench.grant("n" + std::to_string(number), "t").lease, 10min + number * Milliseconds{1min}});
                   const auto replies = renewAll(bench, requests);
                   for (std::size_t index = 0; index < requests.size(); ++index)
                   {
                       CPPUNIT_ASSERT(replies[index].status == RenewStatus::renewed);
                       CPPUNIT_ASSERT(std::chrono::abs(replies[index].remaining - requests[index].ttl) <= bench.slack());
                       CPPUNIT_ASSERT(bench.find(requests[index].lease.name)->ttl == requests[index].ttl);
                   }
               });

    suite.test("testBadItemsDoNotHarmTheGoodOnes",
               [](StoreBench& bench)
               {
                   const auto first = bench.grant("first", "t").lease;
                   const auto last = bench.grant("last", "t").lease;
                   const auto foreign = bench.grant("foreign", "t").lease;
                   const auto released = bench.grant("released", "t").lease;
                   bench.release(released);
                   const auto broken = bench.grant("broken", "t").lease;
                   CPPUNIT_ASSERT(bench.breakLock("broken", broken.fence, BreakMode::whenItEnds));
                   const auto expired = bench.grant("expired", "t", {.ttl = bench.shortTtl()}).lease;
                   bench.letExpire("expired");
                   const std::vector<RenewRequest> requests{{{"absent", "t", 1}, 20min},
                                                            {first, 20min},
                                                            {{"foreign", "u", foreign.fence}, 20min},
                                                            {{"foreign", "t", foreign.fence + 1}, 20min},
                                                            {released, 20min},
                                                            {broken, 20min},
                                                            {expired, 20min},
                                                            {{std::string(512, 'n'), "t", maxFence}, 20min},
                                                            {last, 20min}};
                   const auto replies = renewAll(bench, requests);
                   for (std::size_t index = 0; index < requests.size(); ++index)
                   {
                       const bool good = index == 1 || index == requests.size() - 1;
                       CPPUNIT_ASSERT_MESSAGE(requests[index].lease.name + " at " + std::to_string(index),
                                              replies[index].status == (good ? RenewStatus::renewed : RenewStatus::lost));
                   }
                   CPPUNIT_ASSERT(bench.find("foreign")->ttl == StoreBench::longTtl);
                   CPPUNIT_ASSERT(bench.find("last")->ttl == 20min);
               });

    suite.test("testSameLeaseTwiceInABatchIsRenewedTwice",
               [](StoreBench& bench)
               {
                   const auto lease = bench.grant("a", "t").lease;
                   const auto replies = renewAll(bench, {{lease, 20min}, {{"a", "u", lease.fence}, 20min}, {lease, 20min}});
                   CPPUNIT_ASSERT(replies[0].status == RenewStatus::renewed);
                   CPPUNIT_ASSERT(replies[1].status == RenewStatus::lost);
                   CPPUNIT_ASSERT(replies[2].status == RenewStatus::renewed);
               });

    suite.test("testBatchOfThousandsIsAnsweredToTheLastItem",
               [](StoreBench& bench)
               {
                   std::vector<RenewRequest> requests(2300);
                   for (std::size_t index = 0; index < requests.size(); ++index)
                       requests[index] = {{"absent" + std::to_string(index), "t", 1}, 20min};
                   const std::vector<std::size_t> live{0, 1, 499, 998, 999, 1000, 1001, 1998, 1999, 2000, 2298, 2299};
                   for (const auto index : live)
                       requests[index].lease = bench.grant("lock " + std::to_string(index), "t").lease;
                   const auto replies = renewAll(bench, requests);
                   for (std::size_t index = 0; index < requests.size(); ++index)
                   {
                       const bool isLive = std::ranges::find(live, index) != live.end();
                       CPPUNIT_ASSERT_MESSAGE("item " + std::to_string(index),
                                              replies[index].status == (isLive ? RenewStatus::renewed : RenewStatus::lost));
                   }
                   for (const auto index : live)
                       CPPUNIT_ASSERT(bench.find(requests[index].lease.name)->ttl == 20min);
               });

    suite.test("testPageOfThePruningIsBoundedAndTheNextOneGoesOn",
               [](StoreBench& bench)
               {
                   // More than fit into one page.
                   constexpr std::size_t bound = 1000, rest = 7;
                   for (std::size_t number = 0; number < bound + rest; ++number)
                       bench.release(bench.grant("n" + std::to_string(number), "t").lease);
                   bench.advance(bench.shortTtl() * 2);
                   const auto first = bench.store().prune(bench.shortTtl(), StoreBench::context());
                   CPPUNIT_ASSERT_MESSAGE("a page of " + std::to_string(first), first > 0 && first <= bound);
                   CPPUNIT_ASSERT_EQUAL(bound + rest - first, bench.pruneAll(bench.shortTtl()));
                   CPPUNIT_ASSERT(bench.acquire("n0", "t").status == AcquireStatus::granted); // the record was forgotten
               });
}

} // namespace Leasehold
