#include "Outlet.h"
#include "ToolFixture.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace Leasehold;

namespace
{

/// A full pipe that only the test reads.
class FullPipe
{
public:
    explicit FullPipe(const std::string& path)
    {
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(path.c_str(), 0600));
        _descriptor = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
        CPPUNIT_ASSERT(_descriptor >= 0);
        const std::string filling(4096, '.');
        while (::write(_descriptor, filling.data(), filling.size()) > 0)
        {
        }
    }
    ~FullPipe() { ::close(_descriptor); }
    FullPipe(const FullPipe&) = delete;
    FullPipe& operator=(const FullPipe&) = delete;

    int descriptor() const { return _descriptor; }

    /// The bytes that were written after it was full.
    const std::string& read()
    {
        char buffer[4096];
        for (ssize_t got = 0; (got = ::read(_descriptor, buffer, sizeof buffer)) > 0;)
            for (const char c : std::string(buffer, static_cast<std::size_t>(got)))
                if (c != '.')
                    _text += c;
        return _text;
    }

private:
    int _descriptor = -1;
    std::string _text;
};

std::string droppedLine(std::size_t count)
{
    return "dropped " + std::to_string(count) + "\n";
}

} // namespace

/// Closed descriptors, and readers that do not read: the output of `leasehold run` must not delay its work.
class OutputTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(OutputTest);
    CPPUNIT_TEST(testCommandRunsWithAnyStandardDescriptorClosed);
    CPPUNIT_TEST(testClosedStandardOutputStaysUnwritable);
    CPPUNIT_TEST(testFullStatusPipeHoldsUpNeitherCommandNorRelease);
    CPPUNIT_TEST(testFullStatusPipeHoldsUpNoSignal);
    CPPUNIT_TEST(testFullStandardErrorHoldsUpNothing);
    CPPUNIT_TEST(testLinesBeyondTheBoundAreDroppedAndCounted);
    CPPUNIT_TEST(testOutletIsDestroyedWhileItsReaderSleeps);
    CPPUNIT_TEST_SUITE_END();

    ToolProcess shell(const std::string& command) { return _bench->program({"/bin/bash", "-c", command}); }
    std::string leasehold() const { return "exec " LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " "; }

    bool isHeld(const std::string& name) { return _bench->locks().find(name).has_value(); }

public:
    void testCommandRunsWithAnyStandardDescriptorClosed()
    {
        for (const std::string closed : {"<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"})
        {
            auto run = shell(leasehold() + "run job -- /bin/sh -c 'sleep 9 & exit 5' " +
                             closed); // leaves a process behind, which causes a message
            CPPUNIT_ASSERT_EQUAL_MESSAGE(closed, 5, run.wait());
        }
    }

    void testClosedStandardOutputStaysUnwritable() { CPPUNIT_ASSERT_EQUAL(70, shell(leasehold() + "list >&-").wait()); }

    void testFullStatusPipeHoldsUpNeitherCommandNorRelease()
    {
        FullPipe pipe(_bench->path("pipe"));
        auto run = shell(leasehold() + "run --status-fd 8 job -- /bin/sh -c 'exit 6' 8>" + _bench->path("pipe"));
        CPPUNIT_ASSERT_EQUAL(6, run.wait());
        CPPUNIT_ASSERT(!isHeld("job"));
    }

    void testFullStatusPipeHoldsUpNoSignal()
    {
        FullPipe pipe(_bench->path("pipe"));
        const auto life = _bench->path("life");
        auto run = shell(leasehold() + "run --status-fd 8 job -- " LEASEHOLD_SIGN_OF_LIFE " " + life + " mild 8>" + _bench->path("pipe"));
        waitForLife(life);
        run.signal(SIGTERM);
        // The missed lines come when the reader reads.
        CPPUNIT_ASSERT(waitUntil([&] { return !isHeld("job"); }, std::chrono::seconds{60}));
        CPPUNIT_ASSERT(
            waitUntil([&] { return run.hasEnded() || pipe.read().find("signalled") != std::string::npos; }, std::chrono::seconds{60}));
        CPPUNIT_ASSERT_EQUAL(128 + SIGTERM, run.wait());
    }

    void testFullStandardErrorHoldsUpNothing()
    {
        FullPipe pipe(_bench->path("pipe"));
        auto lock = _bench->locks().acquire("job");
        const auto waiting = leasehold() + "run --wait 1h job -- true 2>" + _bench->path("pipe");
        auto stopped = shell(waiting);
        auto served = shell(waiting);
        for (const auto* run : {&stopped, &served}) // each starts its guardian before it asks the store
            CPPUNIT_ASSERT(waitUntil([&] { return !childrenOf(run->pid()).empty(); }, std::chrono::seconds{60}));
        stopped.signal(SIGINT);
        CPPUNIT_ASSERT_EQUAL(128 + SIGINT, stopped.wait());
        lock.release();
        CPPUNIT_ASSERT_EQUAL(0, served.wait());
    }

    void testLinesBeyondTheBoundAreDroppedAndCounted()
    {
        FullPipe pipe(_bench->path("pipe"));
        const int blocking = ::open(_bench->path("pipe").c_str(), O_WRONLY | O_CLOEXEC);
        Tool::Outlet outlet(blocking, &droppedLine);
        const auto line = std::string(1023, 'x') + "\n";
        for (int i = 0; i < 70; ++i)
            outlet.write(line);
        CPPUNIT_ASSERT(!outlet.isIdle());
        CPPUNIT_ASSERT(waitUntil([&] { return pipe.read().find("dropped 6\n") != std::string::npos; }, std::chrono::seconds{60}));
        CPPUNIT_ASSERT_EQUAL(64 * line.size(), pipe.read().find("dropped"));
        outlet.write("again\n");
        CPPUNIT_ASSERT(waitUntil([&] { return pipe.read().find("again\n") != std::string::npos; }, std::chrono::seconds{60}));
        ::close(blocking);
    }

    void testOutletIsDestroyedWhileItsReaderSleeps()
    {
        FullPipe pipe(_bench->path("pipe"));
        const int blocking = ::open(_bench->path("pipe").c_str(), O_WRONLY | O_CLOEXEC);
        {
            Tool::Outlet outlet(blocking, &droppedLine);
            outlet.write("never read\n");
        }
        CPPUNIT_ASSERT_EQUAL(std::string(), pipe.read());
        ::close(blocking);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OutputTest);
