#pragma once

#include "Result.h"
#include "Setting.h"

#include <vector>

namespace Leasehold::Bench
{

/// Fills a line of the report by measuring both sides in turn, A B A B: a disturbance of the machine affects both, and each ratio is of two
/// adjacent slices. `ours` and `limit` measure one slice and return a rate or a time. `often`: a factor for the number of turns, for short
/// slices.
template <typename Ours, typename Limit>
Line alternate(const Setting& setting, Line line, Ours ours, Limit limit, std::size_t often = 1)
{
    std::vector<double> oursMeasured, limitMeasured, ratios;
    for (std::size_t turn = 0; turn < setting.repetitions() * often; ++turn)
    {
        // Change the side that begins, so that a steady trend favours neither.
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

/// The steps of one turn of alternateOneByOne.
struct Steps
{
    std::size_t times = 1;
    std::size_t worksEach = 1; ///< calls in one step: more than one if a call is too short for the clock
    bool asRate = false;       ///< the figures are calls per second; false: milliseconds of a call
};

/// The same for steps whose time depends on the disk. `ours` and `limit` each take one step in turn, and the medians of one turn are
/// compared.
template <typename Ours, typename Limit>
Line alternateOneByOne(const Setting& setting, Line line, const Steps& steps, Ours ours, Limit limit)
{
    const auto millisecondsOf = [&steps](auto& work)
    {
        const auto began = std::chrono::steady_clock::now();
        for (std::size_t call = 0; call < steps.worksEach; ++call)
            work();
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
    };
    std::vector<double> oursMeasured, limitMeasured, ratios;
    for (std::size_t turn = 0; turn < setting.repetitions(); ++turn)
    {
        std::vector<double> mine, raw;
        for (std::size_t time = 0; time < steps.times; ++time)
        {
            mine.push_back(millisecondsOf(ours));
            raw.push_back(millisecondsOf(limit));
        }
        const auto figure = [&steps](const std::vector<double>& milliseconds)
        {
            const double each = spreadOf(milliseconds).median / static_cast<double>(steps.worksEach);
            return steps.asRate ? 1000 / each : each;
        };
        oursMeasured.push_back(figure(mine));
        limitMeasured.push_back(figure(raw));
        ratios.push_back(oursMeasured.back() / limitMeasured.back());
    }
    line.ours = spreadOf(oursMeasured);
    line.limit = spreadOf(limitMeasured);
    line.ratio = spreadOf(ratios);
    return line;
}

/// The rate per second of `work()` in one slice, on this thread. It reads the clock after every `between` calls.
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
