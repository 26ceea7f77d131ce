#include "net/NodeChoice.h"

#include "Leasehold/ManualClock.h"

#include <cppunit/extensions/HelperMacros.h>

#include <stdexcept>

namespace Leasehold::Net
{

using namespace std::chrono_literals;

class NodeChoiceTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(NodeChoiceTest);
    CPPUNIT_TEST(testNodeThatAnsweredStaysFirst);
    CPPUNIT_TEST(testFailedNodeComesLast);
    CPPUNIT_TEST(testOfFailedNodesTheFirstToFailComesFirst);
    CPPUNIT_TEST(testRestOfAFailedNodeDoublesUpTo30Seconds);
    CPPUNIT_TEST(testFailuresWithinOneRestCountOnce);
    CPPUNIT_TEST(testFirstNodeIsTakenModuloTheirNumber);
    CPPUNIT_TEST(testTroublesNameFailedNodesUntilTheyAnswer);
    CPPUNIT_TEST(testChoiceWithoutNodesIsRefused);
    CPPUNIT_TEST_SUITE_END();

    using Order = std::vector<std::size_t>;

    const std::shared_ptr<ManualClock> _clock = std::make_shared<ManualClock>();

    /// For two nodes: how long the first one comes second after it failed now.
    Milliseconds restOf(const NodeChoice& choice)
    {
        Milliseconds rest{0};
        while (choice.order() == Order{1, 0})
        {
            _clock->advance(100ms);
            rest += 100ms;
        }
        return rest;
    }

public:
    void testNodeThatAnsweredStaysFirst()
    {
        NodeChoice choice({"a", "b", "c"}, 0, _clock);
        CPPUNIT_ASSERT((choice.order() == Order{0, 1, 2}));
        choice.answered(1);
        CPPUNIT_ASSERT((choice.order() == Order{1, 2, 0}));
    }

    void testFailedNodeComesLast()
    {
        NodeChoice choice({"a", "b", "c"}, 0, _clock);
        choice.failed(0, "down");
        CPPUNIT_ASSERT((choice.order() == Order{1, 2, 0}));
        choice.answered(0);
        CPPUNIT_ASSERT((choice.order() == Order{0, 1, 2}));
    }

    void testOfFailedNodesTheFirstToFailComesFirst()
    {
        NodeChoice choice({"a", "b"}, 0, _clock);
        choice.failed(1, "down");
        _clock->advance(10ms);
        choice.failed(0, "down");
        CPPUNIT_ASSERT((choice.order() == Order{1, 0}));
    }

    void testRestOfAFailedNodeDoublesUpTo30Seconds()
    {
        NodeChoice choice({"a", "b"}, 0, _clock);
        for (const Milliseconds rest : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 16'000ms, 30'000ms, 30'000ms})
        {
            choice.failed(0, "down");
            CPPUNIT_ASSERT(rest == restOf(choice));
        }
        choice.answered(0);
        choice.failed(0, "down");
        CPPUNIT_ASSERT(restOf(choice) == 500ms);
    }

    void testFailuresWithinOneRestCountOnce()
    {
        NodeChoice choice({"a", "b"}, 0, _clock);
        for (int call = 0; call < 8; ++call)
            choice.failed(0, "down");
        CPPUNIT_ASSERT(restOf(choice) == 500ms);
    }

    void testFirstNodeIsTakenModuloTheirNumber() { CPPUNIT_ASSERT((NodeChoice({"a", "b", "c"}, 7).order() == Order{1, 2, 0})); }

    void testTroublesNameFailedNodesUntilTheyAnswer()
    {
        NodeChoice choice({"a", "b"}, 0, _clock);
        CPPUNIT_ASSERT_EQUAL(std::string("a, b"), choice.addresses());
        choice.failed(0, "refused");
        _clock->advance(12s);
        choice.failed(1, "hung");
        CPPUNIT_ASSERT_EQUAL(std::string("a: refused (12 s ago); b: hung (0 s ago)"), choice.troubles());
        const std::vector<std::string> except{"a"};
        CPPUNIT_ASSERT_EQUAL(std::string("b: hung (0 s ago)"), choice.troubles(except));
        choice.answered(1);
        CPPUNIT_ASSERT_EQUAL(std::string("a: refused (12 s ago)"), choice.troubles());
    }

    void testChoiceWithoutNodesIsRefused() { CPPUNIT_ASSERT_THROW(NodeChoice({}, 0), std::invalid_argument); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(NodeChoiceTest);

} // namespace Leasehold::Net
