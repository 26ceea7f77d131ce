// How an application tests its own class: the memory store, and a clock that the test moves. No server, no waiting.

#include "InvoiceRun.h"

#include <Leasehold/FaultyLockStore.h>
#include <Leasehold/ManualClock.h>
#include <Leasehold/MemoryLockStore.h>
#include <Leasehold/TestRunner.h>

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

using namespace std::chrono_literals;
using Outcome = InvoiceRun::Outcome;

class InvoiceRunTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(InvoiceRunTest);
    CPPUNIT_TEST(testEachInvoiceIsSentOnce);
    CPPUNIT_TEST(testRunThatTakesLongKeepsItsLock);
    CPPUNIT_TEST(testNothingIsSentWhileAnotherHostIsAtIt);
    CPPUNIT_TEST(testItStopsSendingWhenTheStoreIsAwayForLong);
    CPPUNIT_TEST_SUITE_END();

public:
    void testEachInvoiceIsSentOnce()
    {
        InvoiceRun run(_locks, [this](const std::string& invoice) { _sent.push_back(invoice); });
        CPPUNIT_ASSERT(run.run(_invoices) == Outcome::sentAll);
        CPPUNIT_ASSERT(_sent == _invoices);
    }

    void testRunThatTakesLongKeepsItsLock()
    {
        InvoiceRun run(_locks,
                       [this](const std::string& invoice)
                       {
                           _clock->advance(10min); // many leases of 30 s; they are renewed meanwhile
                           _sent.push_back(invoice);
                       });
        CPPUNIT_ASSERT(run.run(_invoices) == Outcome::sentAll);
        CPPUNIT_ASSERT(_sent == _invoices);
    }

    void testNothingIsSentWhileAnotherHostIsAtIt()
    {
        Leasehold::LockManagerService otherHost(_store, {}, {.clock = _clock});
        const auto theirs = otherHost.acquire("invoices");

        InvoiceRun run(_locks, [this](const std::string& invoice) { _sent.push_back(invoice); });
        CPPUNIT_ASSERT(run.run(_invoices) == Outcome::anotherHostIsAtIt);
        CPPUNIT_ASSERT(_sent.empty());
    }

    void testItStopsSendingWhenTheStoreIsAwayForLong()
    {
        InvoiceRun run(_locks,
                       [this](const std::string& invoice)
                       {
                           _sent.push_back(invoice);
                           _store->fail(Leasehold::StoreVerb::renew, Leasehold::FaultyLockStore::Trouble::unavailable);
                           _clock->advance(1min);
                       });
        CPPUNIT_ASSERT(run.run(_invoices) == Outcome::stoppedWhenTheLockWasLost);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, _sent.size());
    }

private:
    const std::vector<std::string> _invoices{"2026-1", "2026-2", "2026-3"};
    std::vector<std::string> _sent;
    std::shared_ptr<Leasehold::ManualClock> _clock = std::make_shared<Leasehold::ManualClock>();
    std::shared_ptr<Leasehold::FaultyLockStore> _store =
        std::make_shared<Leasehold::FaultyLockStore>(std::make_shared<Leasehold::MemoryLockStore>(_clock));
    Leasehold::LockManagerService _locks{_store, {}, {.clock = _clock}};
};

CPPUNIT_TEST_SUITE_REGISTRATION(InvoiceRunTest);

int main(int argc, char** argv)
{
    return Leasehold::runTests(argc, argv);
}
