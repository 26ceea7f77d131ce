#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace Leasehold::Tool
{

/// Lines for a descriptor whose reader may be slow, stopped or gone. write() never waits for the reader: a thread does, which the first
/// line starts. Lines that could not be written yet are kept up to a bound. Those beyond it are dropped and counted, and a line tells the
/// count when the reader reads on. Thread-safe.
///
/// A thread, because the descriptor is shared with other programs: O_NONBLOCK would change it for them too, and a poll before each
/// write promises nothing while they write as well.
class Outlet
{
public:
    /// Makes the line that tells how many were dropped.
    using DroppedLine = std::string (*)(std::size_t count);

    Outlet(int descriptor, DroppedLine droppedLine) : _descriptor(descriptor), _droppedLine(droppedLine) {}

    /// Drains, and gives up what the reader has not taken by then.
    ~Outlet();
    Outlet(const Outlet&) = delete;
    Outlet& operator=(const Outlet&) = delete;

    void write(std::string_view line);

    /// Whether everything has been written.
    bool isIdle();

    /// Returns when everything has been written, or after a second.
    void drain();

private:
    void work();
    bool writeAll(std::string_view text);

    const int _descriptor;
    const DroppedLine _droppedLine;
    std::mutex _mutex;
    std::condition_variable _changed;
    std::deque<std::string> _lines; // the first is being written
    std::size_t _bytes = 0;         // of _lines
    std::size_t _dropped = 0;
    bool _gone = false;    // the reader: nothing more is written
    bool _closing = false; // the thread ends when nothing is left
    bool _givenUp = false; // the thread ends at once
    bool _ended = false;   // the thread
    std::thread _thread;
};

} // namespace Leasehold::Tool
