#pragma once

#include "Leasehold/Durations.h"

#include <functional>

namespace Leasehold::Tool
{

/// Does something at once and then at each interval, until INT, TERM or HUP comes.
class RepeatUntilSignal
{
public:
    explicit RepeatUntilSignal(Milliseconds interval) : _interval(interval) {}
    void operator()(const std::function<void()>& work) const;

private:
    Milliseconds _interval;
};

} // namespace Leasehold::Tool
