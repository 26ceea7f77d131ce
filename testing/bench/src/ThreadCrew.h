#pragma once

#include "Setting.h"

#include <chrono>
#include <cstddef>
#include <exception>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

namespace Leasehold::Bench
{

/// Runs `work(number)` on so many threads and returns when all have ended. If one throws, throws its exception.
template <typename Work>
void runCrew(std::size_t threads, Work work)
{
    std::mutex mutex;
    std::exception_ptr failure;
    {
        std::vector<std::jthread> crew;
        for (std::size_t number = 0; number < threads; ++number)
            crew.emplace_back(
                [&, number]
                {
                    try
                    {
                        work(number);
                    }
                    catch (...)
                    {
                        const std::lock_guard guard(mutex);
                        failure = std::current_exception();
                    }
                });
    }
    if (failure)
        std::rethrow_exception(failure);
}

struct CrewOutcome
{
    double perSecond = 0;
    std::vector<double> milliseconds{}; ///< of each call
};

/// The rate per second of `work(number)` on so many threads, which begin together.
template <typename Work>
CrewOutcome crewRate(std::size_t threads, Seconds slice, Work work)
{
    using Steady = std::chrono::steady_clock;
    CrewOutcome outcome;
    std::mutex mutex;
    std::latch ready(static_cast<std::ptrdiff_t>(threads) + 1);
    std::size_t inTime = 0;
    const auto crew = [&](std::size_t number)
    {
        std::vector<double> own;
        ready.arrive_and_wait();
        const auto ends = Steady::now() + std::chrono::duration_cast<Steady::duration>(slice);
        std::size_t done = 0;
        for (auto began = Steady::now(); began < ends;)
        {
            work(number);
            const auto ended = Steady::now();
            own.push_back(std::chrono::duration<double, std::milli>(ended - began).count());
            done += ended < ends ? 1 : 0;
            began = ended;
        }
        const std::lock_guard guard(mutex);
        inTime += done;
        outcome.milliseconds.insert(outcome.milliseconds.end(), own.begin(), own.end());
    };
    ready.count_down();
    runCrew(threads, crew);
    outcome.perSecond = static_cast<double>(inTime) / slice.count();
    return outcome;
}

} // namespace Leasehold::Bench
