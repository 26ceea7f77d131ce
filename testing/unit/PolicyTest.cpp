#include "Leasehold/Exceptions.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/LockStore.h"
#include "thrown.h"

using namespace Leasehold;
using namespace std::chrono_literals;

/// Tests that each policy refuses values that cannot work, and names the key.
class PolicyTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(PolicyTest);
    CPPUNIT_TEST(testDefaultsWork);
    CPPUNIT_TEST(testWhatIsUnsetFollowsTheTtl);
    CPPUNIT_TEST(testLeaseIsBelievedInFromTheRequestOnForTheShorterOfBothTimes);
    CPPUNIT_TEST(testForAnotherTtlWhatIsSetStays);
    CPPUNIT_TEST(testTtlOutOfBoundsIsRefused);
    CPPUNIT_TEST(testEachPartOfALeaseIsRefusedByItsOwnKey);
    CPPUNIT_TEST(testTwoRenewalAttemptsMustFit);
    CPPUNIT_TEST(testWaitAndRetryNeedSenseAndABackoff);
    CPPUNIT_TEST(testTokenNeedsASource);
    CPPUNIT_TEST(testRetentionIsAMinuteOrMore);
    CPPUNIT_TEST(testLockPolicyAsksAllOfThem);
    CPPUNIT_TEST(testStoreBoundsTheTtl);
    CPPUNIT_TEST(testMarginCoversWhatTheStoresClocksMayDiffer);
    CPPUNIT_TEST_SUITE_END();

    /// Returns the message, which must name the key, its value and the allowed values.
    template <typename Policy>
    static void assertRefused(const Policy& policy, const std::string& key, const std::string& value, const std::string& allowed)
    {
        const auto message = messageOf<LockConfigurationError>([&] { policy.validate(); });
        assertNames(message, {"leasehold.policy." + key + " = " + value, "allowed is", allowed});
    }

    static StoreInfo store()
    {
        StoreInfo info;
        info.type = "remote";
        info.location = "http://locks";
        info.minTtl = 1s;
        info.maxTtl = 1h;
        info.ttlGranularity = 10ms;
        info.clockUncertainty = 500ms;
        return info;
    }

public:
    void testDefaultsWork()
    {
        LockPolicy policy;
        policy.validate();
        policy.validateFor(store());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{30s}, policy.lease.ttl);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("the model's: try once", Milliseconds{0}, policy.wait.limit);
        CPPUNIT_ASSERT(!policy.lease.maxHold);
        for (const Milliseconds ttl : {Milliseconds{100}, Milliseconds{101}, Milliseconds{1s}, Milliseconds{30s}, Milliseconds{24h}})
            policy.lease.forTTL(ttl).validate();
    }

    void testWhatIsUnsetFollowsTheTtl()
    {
        LeasePolicy lease;
        CPPUNIT_ASSERT_EQUAL(Milliseconds{10s}, lease.effectiveRenewAfter());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{3s}, lease.effectiveSafetyMargin());
        CPPUNIT_ASSERT_EQUAL_MESSAGE("5 s at most", Milliseconds{5s}, lease.effectiveCallTimeout());
        lease.ttl = 3s;
        CPPUNIT_ASSERT_EQUAL(Milliseconds{1s}, lease.effectiveRenewAfter());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{300ms}, lease.effectiveSafetyMargin());
        CPPUNIT_ASSERT_EQUAL_MESSAGE("half of what lies between", Milliseconds{840ms}, lease.effectiveCallTimeout());
    }

    void testLeaseIsBelievedInFromTheRequestOnForTheShorterOfBothTimes()
    {
        const LocalTime requested{1h};
        const LeasePolicy lease;
        CPPUNIT_ASSERT(lease.validUntil(requested, 30s) == requested + 27s);
        CPPUNIT_ASSERT_MESSAGE("a storage that granted more is not believed", lease.validUntil(requested, 1h) == requested + 27s);
        CPPUNIT_ASSERT(lease.validUntil(requested, 20s) == requested + 17s);
        CPPUNIT_ASSERT(lease.nextRenewal(requested) == requested + 10s);
    }

    void testForAnotherTtlWhatIsSetStays()
    {
        LeasePolicy lease;
        lease.safetyMargin = 2s;
        const auto other = lease.forTTL(60s);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{60s}, other.ttl);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{2s}, other.effectiveSafetyMargin());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{20s}, other.effectiveRenewAfter());
        const auto message = messageOf<LockConfigurationError>([&] { lease.forTTL(2s).validate(); });
        assertNames(message, {"leasehold.policy.lease.safety_margin = 2s", "less than the ttl, 2s"});
    }

    void testTtlOutOfBoundsIsRefused()
    {
        LeasePolicy lease;
        for (const Milliseconds ttl : {Milliseconds{-1}, Milliseconds{0}, Milliseconds{99}, Milliseconds{24h} + 1ms, forever})
        {
            lease.ttl = ttl;
            assertRefused(lease, "lease.ttl", formatDuration(ttl), "100ms to 24h");
        }
    }

    void testEachPartOfALeaseIsRefusedByItsOwnKey()
    {
        LeasePolicy lease;
        lease.maxHold = 0ms;
        assertRefused(lease, "lease.max_hold", "0", "1ms or more, or forever");
        lease.maxHold = forever;
        lease.validate();
        lease.renewAfter = 0ms;
        assertRefused(lease, "lease.renew_after", "0", "1ms or more, and less than the ttl, 30s");
        lease.renewAfter = 30s;
        assertRefused(lease, "lease.renew_after", "30s", "less than the ttl");
        lease.renewAfter.reset();
        lease.safetyMargin = -1ms;
        assertRefused(lease, "lease.safety_margin", "-1ms", "0 or more");
        lease.safetyMargin = forever;
        assertRefused(lease, "lease.safety_margin", "forever", "less than the ttl");
        lease.safetyMargin = 0ms;
        lease.validate();
        lease.callTimeout = 0ms;
        assertRefused(lease, "lease.call_timeout", "0", "1ms or more");
    }

    void testTwoRenewalAttemptsMustFit()
    {
        LeasePolicy lease;
        lease.callTimeout = 8490ms; // 10 s + 2 * 8.49 s = 27 s - 20 ms
        lease.validate();
        lease.callTimeout = 8491ms;
        assertRefused(lease, "lease.call_timeout", "8491ms", "less: two complete renewal attempts must fit");
        lease.callTimeout.reset();
        lease.renewAfter = 26980ms - 2ms;
        lease.validate();
        lease.renewAfter = 26980ms - 1ms;
        assertRefused(lease, "lease.renew_after", "26979ms", "two complete renewal attempts");
        lease.renewAfter.reset();
        lease.safetyMargin = 20s;
        assertRefused(lease, "lease.safety_margin", "20s", "two complete renewal attempts");
    }

    void testWaitAndRetryNeedSenseAndABackoff()
    {
        WaitPolicy wait;
        wait.limit = forever;
        wait.validate();
        wait.limit = -1ms;
        assertRefused(wait, "wait.limit", "-1ms", "0 (try once) or more, or forever");
        wait = {};
        wait.backoff.reset();
        assertRefused(wait, "wait.backoff.type", "(none)", "a backoff");
        RetryPolicy retry;
        retry.maxAttempts = 0;
        retry.validate();
        retry.maxAttempts = -1;
        assertRefused(retry, "retry.max_attempts", "-1", "1 or more, or 0");
        retry = {};
        retry.backoff.reset();
        assertRefused(retry, "retry.backoff.type", "(none)", "a backoff");
    }

    void testTokenNeedsASource()
    {
        TokenPolicy token;
        token.validate();
        CPPUNIT_ASSERT(token.draw() != token.draw());
        token.draw = nullptr;
        assertNames(messageOf<LockConfigurationError>([&] { token.validate(); }), {"TokenPolicy::draw", "never repeat"});
    }

    void testRetentionIsAMinuteOrMore()
    {
        RetentionPolicy retention;
        retention.retention = 1min - 1ms;
        assertRefused(retention, "retention.keep_for", "59999ms", "1m to 87600h");
        for (const Milliseconds tooLong : {RetentionPolicy::maxRetention + 1ms, forever})
        {
            retention.retention = tooLong;
            assertRefused(retention, "retention.keep_for", formatDuration(tooLong), "retention.prune_every = forever");
        }
        retention.retention = RetentionPolicy::maxRetention;
        retention.validate();
        retention.retention = 1min;
        retention.pruneEvery = 0ms;
        assertRefused(retention, "retention.prune_every", "0", "1ms or more, or forever");
        retention.pruneEvery = forever;
        retention.validate();
    }

    void testLockPolicyAsksAllOfThem()
    {
        const auto refusedBy = [](auto spoil)
        {
            LockPolicy policy;
            spoil(policy);
            return messageOf<LockConfigurationError>([&] { policy.validate(); });
        };
        assertNames(refusedBy([](LockPolicy& policy) { policy.lease.ttl = 0ms; }), {"lease.ttl"});
        assertNames(refusedBy([](LockPolicy& policy) { policy.wait.limit = -1ms; }), {"wait.limit"});
        assertNames(refusedBy([](LockPolicy& policy) { policy.retry.maxAttempts = -1; }), {"retry.max_attempts"});
        assertNames(refusedBy([](LockPolicy& policy) { policy.token.draw = nullptr; }), {"TokenPolicy"});
        assertNames(refusedBy([](LockPolicy& policy) { policy.retention.retention = 0ms; }), {"retention.keep_for"});
    }

    void testStoreBoundsTheTtl()
    {
        const auto refusal = [](Milliseconds ttl)
        {
            LockPolicy policy;
            policy.lease.ttl = ttl;
            policy.lease.safetyMargin = 500ms;
            return messageOf<LockConfigurationError>([&] { policy.validateFor(store()); });
        };
        assertNames(refusal(990ms), {"lease.ttl = 990ms", "1s or more", "for the remote store http://locks"});
        assertNames(refusal(2h), {"lease.ttl = 2h", "1h or less", "http://locks"});
        assertNames(refusal(1005ms), {"lease.ttl = 1005ms", "a multiple of 10ms"});
        LockPolicy policy;
        policy.validateFor({}); // a store without stated bounds
    }

    void testMarginCoversWhatTheStoresClocksMayDiffer()
    {
        LockPolicy policy;
        policy.lease.ttl = 4s;
        assertNames(messageOf<LockConfigurationError>([&] { policy.validateFor(store()); }),
                    {"lease.safety_margin = 400ms (a tenth of the ttl)", "500ms or more", "clocks may differ", "http://locks"});
        policy.lease.safetyMargin = 500ms;
        policy.validateFor(store());
        policy.lease.safetyMargin = 499ms;
        assertNames(messageOf<LockConfigurationError>([&] { policy.validateFor(store()); }), {"lease.safety_margin = 499ms cannot"});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PolicyTest);
