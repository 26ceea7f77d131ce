#pragma once

#include "Result.h"
#include "Setting.h"

#include <benchmark/benchmark.h>

namespace Leasehold::Bench
{

/// Small steps, measured one by one in processor time with Google Benchmark. One object at a time.
class SmallSteps
{
public:
    template <typename Work>
    void add(const char* name, Work work)
    {
        benchmark::RegisterBenchmark(name,
                                     [work](benchmark::State& state) mutable
                                     {
                                         for (auto _ : state)
                                             benchmark::DoNotOptimize(work());
                                     });
    }

    Result measure(const Setting& setting);
};

} // namespace Leasehold::Bench
