#pragma once

#include "StorageAdapter.h"

#include "Leasehold/ChildProcess.h"
#include "Leasehold/LockManagerService.h"

#include <Poco/TemporaryFile.h>

#include <cppunit/TestFixture.h>

#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

/// Tests for every storage, with real processes, in real time.
class EndToEndSuite : public CppUnit::TestFixture
{
public:
    explicit EndToEndSuite(const StorageKind& kind) : _kind(kind) {}

    void setUp() override;
    void tearDown() override;

    void testOneOfTwentyRacingThreadsIsGranted();
    void testSuccessorOfExpiredLockHasOwnTokenAndGreaterFence();
    void testKilledHolderIsSucceededWhenItsLeaseHasEnded();
    void testShortLeaseIsKeptForFiveSeconds();
    void testEightProcessesThatIncrementLoseNoUpdate();
    void testTwoProcessesThatLoopOnOneLockShareIt();
    void testStoppedHolderIsNeverTheHolderAgain();
    void testTwentyProcessesStartAtOnceOnAnEmptyStore();
    void testLossIsToldInTimeWhenTheStoreHangs();

protected:
    StorageAdapter& storage() const { return sharedStorage(_kind); } // the first call starts it
    const std::string& url() const { return _url; }
    const std::string& folder() const { return _folder->path(); }

    /// A store on the storage as another process would have it; another URL is another way to it.
    std::shared_ptr<LockStore> openStore(const std::string& url) const;
    std::shared_ptr<LockStore> openStore() const { return openStore(_url); }
    /// A new service on the storage with this TTL.
    LockManagerService service(Milliseconds ttl) const;
    LockManagerService service(Milliseconds ttl, const std::string& url) const;
    /// One second, or the shortest TTL of a store that keeps none so short.
    Milliseconds shortTtl() const;
    static LockPolicy policy(Milliseconds ttl);
    static ServiceParts quiet();

    /// Starts a process of EndToEndWorker.cpp.
    static std::unique_ptr<ChildProcess> worker(std::vector<std::string> arguments);

private:
    struct Loss;
    std::vector<Loss> provokeLosses(LockManagerService& locks, class SendTimes& times, Milliseconds phase);
    int incrementTogether(const std::string& storeUrl, int processes, int times) const;

    const StorageKind& _kind;
    std::unique_ptr<Poco::TemporaryFile> _folder;
    std::string _url;
};

} // namespace Leasehold
