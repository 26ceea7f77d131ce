#include "Leasehold/Store/VanishedStorageGuard.h"
#include "Leasehold/Exceptions.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace Leasehold;
using namespace std::chrono_literals;

class VanishedStorageGuardTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(VanishedStorageGuardTest);
    CPPUNIT_TEST(testFirstStorageAllowsGrants);
    CPPUNIT_TEST(testMissingBeforeFirstUseAllowsGrants);
    CPPUNIT_TEST(testMissingAfterUseRefusesForTheLongestTtl);
    CPPUNIT_TEST(testMissingAgainDoesNotProlongTheRefusal);
    CPPUNIT_TEST(testRecreatedStorageDoesNotProlongTheRefusal);
    CPPUNIT_TEST(testOtherIdentityRefusesForTheLongestTtl);
    CPPUNIT_TEST(testSameOrUnknownIdentityAllowsGrants);
    CPPUNIT_TEST(testIdentityLearntLateAllowsGrants);
    CPPUNIT_TEST(testLaterLossProlongsTheRefusal);
    CPPUNIT_TEST(testTtlAskedForDuringTheRefusalProlongsIt);
    CPPUNIT_TEST(testCarriedOverStorageAllowsGrants);
    CPPUNIT_TEST(testRefusalNamesStoreAndTime);
    CPPUNIT_TEST_SUITE_END();

    static LocalTime at(Milliseconds time) { return LocalTime{} + time; }

    VanishedStorageGuard _guard;

public:
    void setUp() override
    {
        _guard.noteTtl(30s);
        _guard.noteTtl(10s); // the longest TTL counts
    }

    void testFirstStorageAllowsGrants()
    {
        _guard.found("a", at(0s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(0s)) == 0s);
        CPPUNIT_ASSERT_EQUAL(std::string("a"), _guard.identity());
        CPPUNIT_ASSERT(_guard.longestTtl() == 30s);
    }

    void testMissingBeforeFirstUseAllowsGrants()
    {
        _guard.missing(at(0s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(0s)) == 0s);
    }

    void testMissingAfterUseRefusesForTheLongestTtl()
    {
        _guard.found({}, at(0s));
        _guard.missing(at(5s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(5s)) == 30s);
        CPPUNIT_ASSERT(_guard.refusesFor(at(35s - 1ms)) == 1ms);
        CPPUNIT_ASSERT(_guard.refusesFor(at(35s)) == 0s);
        CPPUNIT_ASSERT(_guard.refusesFor(at(24h)) == 0s);
    }

    void testMissingAgainDoesNotProlongTheRefusal()
    {
        _guard.found("a", at(0s));
        _guard.missing(at(5s));
        _guard.missing(at(20s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(35s)) == 0s);
    }

    void testRecreatedStorageDoesNotProlongTheRefusal()
    {
        _guard.found("a", at(0s));
        _guard.missing(at(5s));
        _guard.found("b", at(20s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(20s)) == 15s);
        CPPUNIT_ASSERT(_guard.refusesFor(at(35s)) == 0s);
    }

    void testOtherIdentityRefusesForTheLongestTtl()
    {
        _guard.found("a", at(0s));
        _guard.found("b", at(5s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(5s)) == 30s);
        _guard.found("b", at(20s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(35s)) == 0s);
    }

    void testSameOrUnknownIdentityAllowsGrants()
    {
        _guard.found("a", at(0s));
        _guard.found({}, at(1s));
        _guard.found("a", at(2s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(2s)) == 0s);
    }

    void testIdentityLearntLateAllowsGrants()
    {
        _guard.found({}, at(0s));
        _guard.found("a", at(1s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(1s)) == 0s);
        _guard.found("b", at(2s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(2s)) == 30s);
    }

    void testLaterLossProlongsTheRefusal()
    {
        _guard.found("a", at(0s));
        _guard.missing(at(5s));
        _guard.found("b", at(6s));
        _guard.missing(at(20s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(20s)) == 30s);
        _guard.found("c", at(21s));
        _guard.found("d", at(10s)); // a thread that read the clock earlier does not shorten it
        CPPUNIT_ASSERT(_guard.refusesFor(at(20s)) == 30s);
    }

    /// A process that has not held a lock yet knows only its own requested TTLs.
    void testTtlAskedForDuringTheRefusalProlongsIt()
    {
        _guard.found("a", at(0s));
        _guard.missing(at(5s));
        _guard.noteTtl(60s);
        CPPUNIT_ASSERT(_guard.refusesFor(at(35s)) == 30s);
    }

    void testCarriedOverStorageAllowsGrants()
    {
        _guard.found("a", at(0s));
        _guard.carriedOver();
        CPPUNIT_ASSERT(_guard.identity().empty());
        _guard.missing(at(1s));
        _guard.found("b", at(2s));
        CPPUNIT_ASSERT(_guard.refusesFor(at(2s)) == 0s);
    }

    void testRefusalNamesStoreAndTime()
    {
        _guard.found("a", at(0s));
        _guard.requireGrantsAllowed("sqlite store /srv/locks.db", at(0s));
        _guard.missing(at(5s));
        const auto refused = [&] { _guard.requireGrantsAllowed("sqlite store /srv/locks.db", at(20s)); };
        const auto message = messageOf<LockStoreUnavailable>(refused);
        CPPUNIT_ASSERT_MESSAGE(message, message.starts_with("sqlite store /srv/locks.db: "));
        CPPUNIT_ASSERT_MESSAGE(message, message.ends_with("nothing is granted for another 15s"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(VanishedStorageGuardTest);
