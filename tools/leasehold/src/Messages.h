#pragma once

#include <string>
#include <string_view>

namespace Leasehold::Tool
{

/// What the program says to people: lines on standard error, each written in one piece and begun with the program's name.
/// Thread-safe.
namespace Messages
{

void say(std::string_view text);

/// A line on a terminal that replaces itself: shows `text`, or removes what is shown if it is empty.
void showCountdown(std::string_view text);

} // namespace Messages

} // namespace Leasehold::Tool
