#pragma once

#include <string>
#include <string_view>

namespace Leasehold::Tool
{

class Outlet;

/// What the program says to people: lines on standard error, each written in one piece and begun with the program's name. Control
/// characters in it, which may come from a storage, are shown as '?' (printable). Thread-safe.
namespace Messages
{

void say(std::string_view text);

/// A line on a terminal that replaces itself: shows `text`, or removes what is shown if it is empty. Not shown while earlier lines wait
/// for their reader.
void showCountdown(std::string_view text);

/// From now on nothing here waits for a reader that has stopped reading (see Outlet). Call it when a lock is about to be taken, and after
/// the last fork, since it may start a thread.
void neverWait();

/// Returns when what was said is written, or after a second. Call it before this process is ended by a signal.
void drain();

/// Where the lines go after neverWait().
Outlet& outlet();

} // namespace Messages

} // namespace Leasehold::Tool
