// How an application tests what its own class does when the cluster misbehaves: the real Elasticsearch store, over real HTTP, on a server
// that does so on demand. The class is that of unit_test_with_memory.

#include "InvoiceRun.h"

#include <Leasehold/ElasticsearchLockStore.h>
#include <Leasehold/Exceptions.h>
#include <Leasehold/FakeElasticsearchServer.h>
#include <Leasehold/ManualClock.h>
#include <Leasehold/TestRunner.h>

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

using namespace std::chrono_literals;
using Leasehold::FakeFault;
using Leasehold::FakeRequest;
using Outcome = InvoiceRun::Outcome;

class OutageTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(OutageTest);
    CPPUNIT_TEST(testLostAnswerDoesNotKeepTheInvoicesBack);
    CPPUNIT_TEST(testOutageIsNotTakenForAnotherHost);
    CPPUNIT_TEST(testItStopsSendingWhenTheClusterIsAwayForLong);
    CPPUNIT_TEST_SUITE_END();

public:
    void testLostAnswerDoesNotKeepTheInvoicesBack()
    {
        _server.faults().next(FakeFault::resetAfter(), FakeRequest::acquire); // the lock is granted, but the answer is lost
        Leasehold::LockManagerService locks(store());
        CPPUNIT_ASSERT(run(locks) == Outcome::sentAll);
        CPPUNIT_ASSERT(_sent == _invoices);
    }

    void testOutageIsNotTakenForAnotherHost()
    {
        _server.faults().always(FakeFault::unavailable());
        Leasehold::LockManagerService locks(store());
        CPPUNIT_ASSERT_THROW(run(locks), Leasehold::LockStoreUnavailable);
        CPPUNIT_ASSERT(_sent.empty());
    }

    void testItStopsSendingWhenTheClusterIsAwayForLong()
    {
        Leasehold::LockManagerService locks(store(), {}, {.clock = _clock});
        const auto outcome = run(locks,
                                 [this]
                                 {
                                     _server.faults().always(FakeFault::overloaded());
                                     _clock->advance(1min); // longer than a lease
                                 });
        CPPUNIT_ASSERT(outcome == Outcome::stoppedWhenTheLockWasLost);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, _sent.size());
    }

private:
    std::shared_ptr<Leasehold::LockStore> store() const
    {
        return std::make_shared<Leasehold::ElasticsearchLockStore>(Leasehold::ElasticsearchOptions{.nodes = {_server.url()}});
    }

    Outcome run(
        Leasehold::LockManagerService& locks, const std::function<void()>& afterEach = [] {})
    {
        InvoiceRun run(locks,
                       [&](const std::string& invoice)
                       {
                           _sent.push_back(invoice);
                           afterEach();
                       });
        return run.run(_invoices);
    }

    const std::vector<std::string> _invoices{"2026-1", "2026-2", "2026-3"};
    std::vector<std::string> _sent;
    std::shared_ptr<Leasehold::ManualClock> _clock = std::make_shared<Leasehold::ManualClock>();
    Leasehold::FakeElasticsearchServer _server{{.clock = _clock}};
};

CPPUNIT_TEST_SUITE_REGISTRATION(OutageTest);

int main(int argc, char** argv)
{
    return Leasehold::runTests(argc, argv);
}
