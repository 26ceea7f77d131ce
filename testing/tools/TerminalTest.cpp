#include "TerminalShell.h"
#include "ToolFixture.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>

using namespace Leasehold;

/// A user at a terminal with a shell that has job control.
class TerminalTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(TerminalTest);
    CPPUNIT_TEST(testCtrlCEndsTheCommandAndALoopOfTheShell);
    CPPUNIT_TEST(testCtrlZStopsTheCommandAndFgContinuesIt);
    CPPUNIT_TEST(testFgAfterTheLeaseDoesNotContinueTheCommand);
    CPPUNIT_TEST(testCommandReadsTheTerminal);
    CPPUNIT_TEST(testCtrlCEndsTheWait);
    CPPUNIT_TEST(testWaitIsCountedDown);
    CPPUNIT_TEST(testListIsShownAgainUntilCtrlC);
    CPPUNIT_TEST(testTableHasColoursOnlyOnTerminalWithoutNoColor);
    CPPUNIT_TEST(testBreakAsksAndDoesWhatIsAnswered);
    CPPUNIT_TEST(testShellCompletesCommandsOptionsAndTheCommandToRun);
    CPPUNIT_TEST_SUITE_END();

    std::string tool(const std::string& words) const
    {
        return std::string(LEASEHOLD_TOOL) + " --store " + _bench->storeUrl() + " " + words;
    }
    std::string run(const std::string& options) const { return tool("run " + options + " job -- "); }
    /// A command that obeys INT. A loop of a shell is not used, because some shells use vfork: Ctrl-Z may stop their child before exec, and
    /// then never stops the shell.
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

    void testCommandReadsTheTerminal()
    {
        TerminalShell shell;
        shell.type(run("") + "sh -c 'echo na\"\"me?; read x; echo got-$x'");
        shell.waitFor("name?");
        shell.type("alice");
        shell.waitFor("got-alice");
    }

    void testWaitIsCountedDown()
    {
        auto lock = _bench->locks().acquire("job", {.ttl = std::chrono::minutes{5}});
        TerminalShell shell;
        shell.type(run("--wait 4s") + "true");
        shell.waitFor("waiting for lock \"job\", held by ");
        shell.waitFor("\r\x1b[Kleasehold: waiting, ");
        shell.waitFor("\r\x1b[Kleasehold: waiting, 1");
        shell.waitFor("\r\x1b[Kleasehold: lock \"job\" is held by ");
        shell.waitFor("ready> ");
        shell.type("echo status=$?");
        shell.waitFor("status=75");
        lock.release();
    }

    void testListIsShownAgainUntilCtrlC()
    {
        TerminalShell shell;
        shell.type(tool("list --watch"));
        shell.waitFor("\x1b[H\x1b[2Jno lock is held");
        auto lock = _bench->locks().acquire("job-of-another");
        shell.waitFor("\x1b[H\x1b[2J");
        shell.waitFor("job-of-another  ");
        lock.release();
        shell.waitFor("no lock is held");
        shell.press(TerminalShell::ctrlC);
        shell.type("echo status=$?");
        shell.waitFor("status=130");
    }

    void testTableHasColoursOnlyOnTerminalWithoutNoColor()
    {
        auto lock = _bench->locks().acquire("job");
        TerminalShell shell;
        shell.type(tool("list"));
        shell.waitFor("\x1b[1mNAME ");
        shell.waitFor("ready> ");
        shell.type("NO_COLOR=1 " + tool("list"));
        shell.waitFor("\r\nNAME ");
        shell.waitFor("ready> ");
        shell.type("NO_COLOR= " + tool("list")); // an empty value counts as unset, see no-color.org
        shell.waitFor("\x1b[1mNAME ");
        shell.waitFor("ready> ");
        shell.type(tool("list") + " | cat");
        shell.waitFor("\r\nNAME ");
        lock.release();
    }

    void testBreakAsksAndDoesWhatIsAnswered()
    {
        auto lock = _bench->locks().acquire("job");
        TerminalShell shell;
        for (const std::string no : {"n", "", "yet"})
        {
            shell.type(tool("break job"));
            shell.waitFor("lock \"job\" (fence " + std::to_string(lock.fence()) + ") is held by ");
            shell.waitFor("Its holder is told at its next renewal. [y/N] ");
            shell.type(no);
            shell.waitFor("nothing was changed");
            shell.waitFor("ready> ");
        }
        CPPUNIT_ASSERT(_bench->locks().find("job").has_value());
        shell.type(tool("break job --now"));
        shell.waitFor("Free it at once? ");
        shell.type("y");
        shell.waitFor("broken: it is free now");
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
        CPPUNIT_ASSERT_THROW(lock.release(), LockLostError);
    }

    void testShellCompletesCommandsOptionsAndTheCommandToRun()
    {
        TerminalShell shell;
        shell.type("PATH=" + std::filesystem::path(LEASEHOLD_TOOL).parent_path().string() + ":$PATH");
        shell.type("source /usr/share/bash-completion/bash_completion; source " LEASEHOLD_COMPLETION "; echo sour\"\"ced");
        shell.waitFor("sourced");
        const std::string tab = "\t";
        shell.press("leasehold ver\x15leasehold --ver" + tab);
        shell.waitFor("leasehold --version ");
        shell.press("\x15leasehold che" + tab);
        shell.waitFor("leasehold check ");
        shell.press("\x15leasehold --store sqlite:/x run --kill" + tab);
        shell.waitFor("run --kill-after ");
        shell.press("\x15leasehold run job -- dir" + tab);
        shell.waitFor("leasehold run job -- dir");
        shell.press("\x15leasehold run job -- /usr/bin/nohu" + tab);
        shell.waitFor("-- /usr/bin/nohup ");
        shell.press("\x15leasehold list --pre" + tab);
        shell.waitFor("leasehold list --prefix ");
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
