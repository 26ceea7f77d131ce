#pragma once

#include "Result.h"
#include "Setting.h"

#include <vector>

namespace Leasehold::Bench
{

/// A line filled by turns, A B A B: whatever disturbs the machine disturbs both, and each ratio is of two neighbours in time.
/// `ours` and `limit` measure one slice and return a rate or a time. `often`: so many times as many turns, for slices that are short.
template <typename Ours, typename Limit>
Line alternate(const Setting& setting, Line line, Ours ours, Limit limit, std::size_t often = 1)
{
    std::vector<double> oursMeasured, limitMeasured, ratios;
    for (std::size_t turn = 0; turn < setting.repetitions() * often; ++turn)
    {
        // Who begins changes, so that what only grows or only falls favours neither.
        double mine = 0;
        if (turn % 2 == 0)
            mine = ours();
        const double raw = limit();
        if (turn % 2 == 1)
            mine = ours();
        oursMeasured.push_back(mine);
        limitMeasured.push_back(raw);
        ratios.push_back(mine / raw);
    }
    line.ours = spreadOf(oursMeasured);
    line.limit = spreadOf(limitMeasured);
    line.ratio = spreadOf(ratios);
    return line;
}

/// The same for what takes milliseconds and is at the mercy of a disk: `ours` and `limit` do it once and take turns each time, and what is
/// compared are the medians of `times` such turns. Figures are milliseconds, or `asRate`, so many a second.
template <typename Ours, typename Limit>
Line alternateOneByOne(const Setting& setting, Line line, std::size_t times, bool asRate, Ours ours, Limit limit)
{
    const auto millisecondsOf = [](auto& work)
    {
        const auto began = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
    };
    std::vector<double> oursMeasured, limitMeasured, ratios;
    for (std::size_t turn = 0; turn < setting.repetitions(); ++turn)
    {
        std::vector<double> mine, raw;
        for (std::size_t time = 0; time < times; ++time)
        {
            mine.push_back(millisecondsOf(ours));
            raw.push_back(millisecondsOf(limit));
        }
        const auto figure = [asRate](const std::vector<double>& milliseconds)
        { return asRate ? 1000 / spreadOf(milliseconds).median : spreadOf(milliseconds).median; };
        oursMeasured.push_back(figure(mine));
        limitMeasured.push_back(figure(raw));
        ratios.push_back(oursMeasured.back() / limitMeasured.back());
    }
    line.ours = spreadOf(oursMeasured);
    line.limit = spreadOf(limitMeasured);
    line.ratio = spreadOf(ratios);
    return line;
}

/// How often a second `work()` ends in a slice, on this thread. It looks at the clock every `between` times.
template <typename Work>
double rateOf(Seconds slice, std::size_t between, Work work)
{
    const auto began = std::chrono::steady_clock::now();
    std::size_t done = 0;
    for (;;)
    {
        for (std::size_t i = 0; i < between; ++i)
            work();
        done += between;
        const Seconds took = std::chrono::steady_clock::now() - began;
        if (took >= slice)
            return static_cast<double>(done) / took.count();
    }
}

} // namespace Leasehold::Bench
