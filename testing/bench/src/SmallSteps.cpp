#include "SmallSteps.h"

#include <string>
#include <utility>
#include <vector>

namespace Leasehold::Bench
{
namespace
{

/// Collects the results of Google Benchmark instead of printing them.
class CollectingReporter : public benchmark::BenchmarkReporter
{
public:
    bool ReportContext(const Context&) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override
    {
        for (const auto& run : runs)
        {
            if (run.run_type == Run::RT_Aggregate)
                continue;
            if (nanoseconds.empty() || nanoseconds.back().first != run.run_name.function_name)
                nanoseconds.emplace_back(run.run_name.function_name, std::vector<double>{});
            nanoseconds.back().second.push_back(run.GetAdjustedCPUTime());
        }
    }

    std::vector<std::pair<std::string, std::vector<double>>> nanoseconds{}; ///< of processor time, by name
};

} // namespace

Result SmallSteps::measure(const Setting& setting)
{
    std::string program = "leasehold-bench", minTime = "--benchmark_min_time=" + std::to_string(setting.pick(0.0001, 0.05)),
                repetitions = "--benchmark_repetitions=" + std::to_string(setting.repetitions());
    char* arguments[] = {program.data(), minTime.data(), repetitions.data(), nullptr};
    int count = 3;
    benchmark::Initialize(&count, arguments);
    CollectingReporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::ClearRegisteredBenchmarks();

    Result result;
    for (const auto& [name, nanoseconds] : reporter.nanoseconds)
        result.lines.push_back({.what = name, .unit = "ns", .ours = spreadOf(nanoseconds)});
    return result;
}

} // namespace Leasehold::Bench
