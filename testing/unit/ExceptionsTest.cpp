#include "Leasehold/Exceptions.h"
#include "thrown.h"

#include <memory>
#include <set>

using namespace Leasehold;
using namespace std::chrono_literals;

class ExceptionsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ExceptionsTest);
    CPPUNIT_TEST(testCloneKeepsTypeAndMessage);
    CPPUNIT_TEST(testHolderAndTheReasonTravelAlong);
    CPPUNIT_TEST(testUnavailableIsAnErrorOfTheStoreAndBusyIsNone);
    CPPUNIT_TEST(testReasonsHaveNames);
    CPPUNIT_TEST_SUITE_END();

    std::set<std::string> _names, _classNames;

    /// Asserts that the exception keeps its type through clone and rethrow. A class without its own overrides would become its base class.
    template <typename Error>
    void check(const Error& error)
    {
        const std::unique_ptr<Poco::Exception> clone(error.clone());
        CPPUNIT_ASSERT_EQUAL(std::string("what happened"), messageOf<Error>([&] { clone->rethrow(); }));
        CPPUNIT_ASSERT_EQUAL(std::string("what happened"), messageOf<Error>([&] { error.rethrow(); }));
        CPPUNIT_ASSERT(_names.insert(error.name()).second);
        CPPUNIT_ASSERT(_classNames.insert(error.className()).second);
        CPPUNIT_ASSERT_EQUAL(std::string(error.className()), std::string(clone->className()));
        CPPUNIT_ASSERT(dynamic_cast<const Poco::RuntimeException*>(clone.get()));
        CPPUNIT_ASSERT(dynamic_cast<const LockException*>(clone.get()));
    }

public:
    void testCloneKeepsTypeAndMessage()
    {
        check(LockException("what happened"));
        check(LockAcquisitionError("what happened", {}));
        check(LockLostError("what happened", LossReason::refused));
        check(LockWaitCancelled("what happened"));
        check(InvalidLockRequest("what happened"));
        check(LockConfigurationError("what happened"));
        check(StaleFenceError("what happened"));
        check(LockStoreError("what happened"));
        check(LockStoreUnavailable("what happened"));
    }

    void testHolderAndTheReasonTravelAlong()
    {
        LockRecord holder;
        holder.name = "job";
        holder.fence = 7;
        const std::unique_ptr<Poco::Exception> held(LockAcquisitionError("held", holder).clone());
        CPPUNIT_ASSERT_EQUAL(Fence{7}, dynamic_cast<const LockAcquisitionError&>(*held).holder().fence);
        const std::unique_ptr<Poco::Exception> lost(LockLostError("lost", LossReason::maxHold).clone());
        CPPUNIT_ASSERT(dynamic_cast<const LockLostError&>(*lost).reason() == LossReason::maxHold);
    }

    void testUnavailableIsAnErrorOfTheStoreAndBusyIsNone()
    {
        static_assert(std::is_base_of_v<LockStoreError, LockStoreUnavailable>);
        static_assert(!std::is_base_of_v<LockStoreError, LockAcquisitionError>);
        static_assert(!std::is_base_of_v<LockStoreError, LockLostError>);
        static_assert(!std::is_base_of_v<LockAcquisitionError, LockStoreError>);
        CPPUNIT_ASSERT_EQUAL(std::string("away"), messageOf<LockStoreUnavailable>([] { throw LockStoreUnavailable("away"); }));
    }

    void testReasonsHaveNames()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("expired"), std::string(toString(LossReason::expired)));
        CPPUNIT_ASSERT_EQUAL(std::string("refused"), std::string(toString(LossReason::refused)));
        CPPUNIT_ASSERT_EQUAL(std::string("maxHold"), std::string(toString(LossReason::maxHold)));
        CPPUNIT_ASSERT_EQUAL(std::string("serviceStopped"), std::string(toString(LossReason::serviceStopped)));
        CPPUNIT_ASSERT_EQUAL(std::string("broken"), std::string(toString(LossReason::broken)));
        CPPUNIT_ASSERT_EQUAL(std::string("released"), std::string(toString(LossReason::released)));
        CPPUNIT_ASSERT_EQUAL(std::string("unknown"), std::string(toString(static_cast<LossReason>(99))));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExceptionsTest);
