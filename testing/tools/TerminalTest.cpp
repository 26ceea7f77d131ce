#include "TerminalShell.h"
#include "ToolFixture.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace Leasehold;

/// A person at a terminal, with a shell that has job control.
class TerminalTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(TerminalTest);
    CPPUNIT_TEST(testCtrlCEndsTheCommandAndALoopOfTheShell);
    CPPUNIT_TEST(testCtrlZStopsTheCommandAndFgContinuesIt);
    CPPUNIT_TEST(testFgAfterTheLeaseDoesNotContinueTheCommand);
    CPPUNIT_TEST(testACommandReadsTheTerminal);
    CPPUNIT_TEST(testCtrlCEndsTheWait);
    CPPUNIT_TEST_SUITE_END();

    std::string run(const std::string& options) const
    {
        return std::string(LEASEHOLD_TOOL) + " --store " + _bench->storeUrl() + " run " + options + " job -- ";
    }
    /// It obeys INT. A shell's loop would do as well, but for shells that use vfork: Ctrl-Z may stop their child before it executes,
    /// and them never.
    std::string living(const std::string& options) const
    {
        return run(options) + LEASEHOLD_SIGN_OF_LIFE + " " + _bench->path("life") + " mild";
    }
    void waitForNewLife() const
    {
        const auto before = SignOfLife::read(_bench->path("life")).last;
        CPPUNIT_ASSERT(waitUntil([&] { return SignOfLife::read(_bench->path("life")).last != before; }, std::chrono::seconds{60}));
    }

public:
    void testCtrlCEndsTheCommandAndALoopOfTheShell()
    {
        TerminalShell shell;
        shell.type("for i in 1 2 3; do " + living("") + "; done");
        waitForNewLife();
        shell.press(TerminalShell::ctrlC);
        shell.waitFor("ready> ");
        shell.type("echo status=$?");
        shell.waitFor("status=130");
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }

    void testCtrlZStopsTheCommandAndFgContinuesIt()
    {
        TerminalShell shell;
        shell.type(living(""));
        waitForNewLife();
        shell.press(TerminalShell::ctrlZ);
        shell.waitFor("Stopped");
        CPPUNIT_ASSERT(isStill(_bench->path("life")));
        CPPUNIT_ASSERT(_bench->locks().find("job").has_value());
        shell.type("fg");
        waitForNewLife();
        shell.press(TerminalShell::ctrlC);
        shell.type("echo status=$?");
        shell.waitFor("status=130");
    }

    void testFgAfterTheLeaseDoesNotContinueTheCommand()
    {
        TerminalShell shell;
        shell.type(living("--ttl 2s"));
        waitForNewLife();
        shell.press(TerminalShell::ctrlZ);
        shell.waitFor("Stopped");
        const auto before = SignOfLife::read(_bench->path("life")).last;
        CPPUNIT_ASSERT(waitUntil([&] { return !_bench->locks().find("job"); }, std::chrono::seconds{60}));
        shell.type("fg");
        shell.waitFor("ready> ");
        shell.type("echo status=$?");
        shell.waitFor("status=79");
        CPPUNIT_ASSERT_EQUAL(before, SignOfLife::read(_bench->path("life")).last);
    }

    void testACommandReadsTheTerminal()
    {
        TerminalShell shell;
        shell.type(run("") + "sh -c 'echo na\"\"me?; read x; echo got-$x'");
        shell.waitFor("name?");
        shell.type("alice");
        shell.waitFor("got-alice");
    }

    void testCtrlCEndsTheWait()
    {
        auto lock = _bench->locks().acquire("job");
        TerminalShell shell;
        shell.type(living("--wait 1h"));
        shell.waitFor("waiting for lock");
        shell.press(TerminalShell::ctrlC);
        shell.type("echo status=$?");
        shell.waitFor("status=130");
        CPPUNIT_ASSERT(!exists(_bench->path("life")));
        lock.release();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TerminalTest);
