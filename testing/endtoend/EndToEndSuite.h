#pragma once

#include "Leasehold/LockManagerService.h"
#include "Leasehold/TestProgram.h"

#include <Poco/TemporaryFile.h>

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

/// What Leasehold must show on a real storage, with real processes, in real time. A subclass names the storage.
class EndToEndSuite : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EndToEndSuite);
    CPPUNIT_TEST(testOfTwentyThreadsExactlyOneGetsTheLockAndForeignReleasesChangeNothing);
    CPPUNIT_TEST(testTheSuccessorOfAnExpiredLockHasItsOwnTokenMetadataAndAGreaterFence);
    CPPUNIT_TEST(testAKilledHolderIsSucceededOnceItsLeaseHasEnded);
    CPPUNIT_TEST(testALeaseOfOneSecondIsKeptThroughACallbackOfFiveSeconds);
    CPPUNIT_TEST(testEightProcessesThatIncrementANumberUnderTheLockLoseNoUpdate);
    CPPUNIT_TEST(testAHolderThatWasStoppedIsNeverTheHolderAgain);
    CPPUNIT_TEST(testTwentyProcessesThatStartAtOnceOnAnEmptyStoreAllWork);
    CPPUNIT_TEST(testWhenTheStoreHangsEachLossIsToldInTime);
    CPPUNIT_TEST_SUITE_END_ABSTRACT();

public:
    void setUp() override;
    void tearDown() override;

protected:
    /// The URL of a storage in which nothing is yet; another one for each test.
    virtual std::string emptyStorage() = 0;
    /// How many indices or tables that storage has.
    virtual std::size_t countTables() = 0;
    /// Until thaw(), the storage answers nothing and refuses nothing.
    virtual void freeze() = 0;
    virtual void thaw() = 0;
    /// How often a hanging storage is tried.
    virtual int hangTrials() const = 0;

    const std::string& url() const { return _url; }
    const std::string& folder() const { return _folder->path(); }

    /// The storage as another process would have it.
    std::shared_ptr<LockStore> openStore() const;
    /// A service of its own on it, with leases of so long.
    LockManagerService service(Milliseconds ttl) const;
    static LockPolicy policy(Milliseconds ttl);
    static ServiceParts quiet();

    /// A process of EndToEndWorker.cpp.
    static std::unique_ptr<TestProgram> worker(std::vector<std::string> arguments);

private:
    struct Loss;
    std::vector<Loss> provokeLosses(LockManagerService& locks, class SendTimes& times, Milliseconds phase);
    int incrementTogether(const std::string& storeUrl, int processes, int times) const;

    void testOfTwentyThreadsExactlyOneGetsTheLockAndForeignReleasesChangeNothing();
    void testTheSuccessorOfAnExpiredLockHasItsOwnTokenMetadataAndAGreaterFence();
    void testAKilledHolderIsSucceededOnceItsLeaseHasEnded();
    void testALeaseOfOneSecondIsKeptThroughACallbackOfFiveSeconds();
    void testEightProcessesThatIncrementANumberUnderTheLockLoseNoUpdate();
    void testAHolderThatWasStoppedIsNeverTheHolderAgain();
    void testTwentyProcessesThatStartAtOnceOnAnEmptyStoreAllWork();
    void testWhenTheStoreHangsEachLossIsToldInTime();

    std::unique_ptr<Poco::TemporaryFile> _folder;
    std::string _url;
};

} // namespace Leasehold
