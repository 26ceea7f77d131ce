#include "ToolFixture.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace Leasehold;

/// A real terminal: a shell with job control in tmux. The test types at its keyboard and reads its screen.
class TmuxTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(TmuxTest);
    CPPUNIT_TEST(testCtrlCEndsTheCommandAndFreesTheLock);
    CPPUNIT_TEST(testCtrlZAndFgContinueCommandUnderSameLease);
    CPPUNIT_TEST(testPagerAndLineEditorWorkUnderRun);
    CPPUNIT_TEST_SUITE_END();

    std::string tmux(const std::vector<std::string>& words)
    {
        std::vector<std::string> all{"/usr/bin/tmux", "-S", _bench->path("tmux"), "-f", "/dev/null"};
        all.insert(all.end(), words.begin(), words.end());
        auto client = _bench->program(all);
        client.requireExit(0);
        return client.output();
    }
    /// A key by its name, such as C-c, or text.
    void press(const std::string& key) { tmux({"send-keys", key}); }
    void type(const std::string& line)
    {
        tmux({"send-keys", "-l", line});
        press("Enter");
    }
    void waitFor(const std::string& text)
    {
        std::string screen;
        const auto shows = [&]
        {
            screen = tmux({"capture-pane", "-p", "-J"});
            return screen.find(text) != std::string::npos;
        };
        CPPUNIT_ASSERT_MESSAGE("\"" + text + "\" is not on the screen:\n" + screen, waitUntil(shows, std::chrono::seconds{60}));
    }
    std::string run(const std::string& command) const
    {
        return std::string(LEASEHOLD_TOOL) + " --store " + _bench->storeUrl() + " run job -- " + command;
    }
    std::string living() const { return run(std::string(LEASEHOLD_SIGN_OF_LIFE) + " " + _bench->path("life") + " mild"); }
    void waitForNewLife() const
    {
        const auto before = SignOfLife::read(_bench->path("life")).last;
        CPPUNIT_ASSERT(waitUntil([&] { return SignOfLife::read(_bench->path("life")).last != before; }, std::chrono::seconds{60}));
    }

public:
    void setUp() override
    {
        ToolFixture::setUp();
        tmux({"new-session", "-d", "-x", "200", "-y", "50", "env PS1='ready> ' bash --norc --noprofile -i"});
        waitFor("ready>");
    }
    void tearDown() override
    {
        tmux({"kill-server"});
        ToolFixture::tearDown();
    }

    void testCtrlCEndsTheCommandAndFreesTheLock()
    {
        type(living());
        waitForNewLife();
        press("C-c");
        type("echo status=$?");
        waitFor("status=130");
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }

    void testCtrlZAndFgContinueCommandUnderSameLease()
    {
        type(living());
        waitForNewLife();
        const auto before = _bench->locks().find("job");
        CPPUNIT_ASSERT(before.has_value());
        press("C-z");
        waitFor("Stopped");
        CPPUNIT_ASSERT(isStill(_bench->path("life")));
        type("fg");
        waitForNewLife();
        const auto after = _bench->locks().find("job");
        CPPUNIT_ASSERT(after && after->fence == before->fence);
        press("C-c");
        type("echo status=$?");
        waitFor("status=130");
    }

    /// Programs that use the whole screen and read single keys, and programs with line editing and a history.
    void testPagerAndLineEditorWorkUnderRun()
    {
        std::string text;
        for (int i = 1; i <= 500; ++i)
            text += "line " + std::to_string(i) + " of the text\n";
        writeFile(_bench->path("text"), text);
        type(run("less " + _bench->path("text")));
        waitFor("line 20 of the text");
        press("G");
        waitFor("line 500 of the text");
        press("C-z");
        waitFor("Stopped");
        type("fg");
        waitFor("line 500 of the text");
        press("g");
        waitFor("line 1 of the text");
        press("q");
        type("echo status=$?");
        waitFor("status=0");
        CPPUNIT_ASSERT(!_bench->locks().find("job"));

        type(run("env PS1='inner> ' bash --norc --noprofile -i"));
        waitFor("inner>");
        type("echo a$((20 + 1))b");
        waitFor("a21b");
        press("C-c"); // cancels only the line that is being edited
        press("Up");
        press("BSpace");
        type("c");
        waitFor("a21c");
        CPPUNIT_ASSERT(_bench->locks().find("job").has_value());
        type("exit 7");
        waitFor("exit");
        type("echo status=$?");
        waitFor("status=7");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TmuxTest);
