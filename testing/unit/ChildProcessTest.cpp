#include "Leasehold/ChildProcess.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>

using namespace Leasehold;

class ChildProcessTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ChildProcessTest);
    CPPUNIT_TEST(testProgramHasTheGivenEnvironmentOnly);
    CPPUNIT_TEST(testProgramAnswersWhatItIsTold);
    CPPUNIT_TEST(testKilledProgramTellsItsSignal);
    CPPUNIT_TEST_SUITE_END();

    void testProgramHasTheGivenEnvironmentOnly()
    {
        const std::string value(200, 'v'); // beyond the strings that need no memory of their own
        ChildProcess program({"/usr/bin/env"}, {.environment = std::vector<std::string>{"LONG=" + value, "SHORT=1"}});
        CPPUNIT_ASSERT_EQUAL("LONG=" + value + "\nSHORT=1\n", program.hearAll());
        CPPUNIT_ASSERT_EQUAL(0, program.wait());
    }

    void testProgramAnswersWhatItIsTold()
    {
        ChildProcess program({"/bin/cat"});
        program.tell("first");
        CPPUNIT_ASSERT_EQUAL(std::string("first"), program.hear());
        program.tell("second");
        program.closeInput();
        CPPUNIT_ASSERT_EQUAL(std::string("second\n"), program.hearAll());
        CPPUNIT_ASSERT_EQUAL(0, program.wait());
    }

    void testKilledProgramTellsItsSignal()
    {
        ChildProcess program({"/bin/cat"});
        program.kill();
        CPPUNIT_ASSERT(program.hasEnded());
        CPPUNIT_ASSERT_EQUAL(128 + SIGKILL, program.wait());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ChildProcessTest);
