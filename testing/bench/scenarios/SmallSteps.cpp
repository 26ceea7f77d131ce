#include "scenarios.h"

#include "EngineAnswer.h"
#include "LockOperations.h"

#include "Leasehold/Durations.h"
#include "Leasehold/LeasePolicy.h"
#include "Leasehold/LeaseRules.h"
#include "Leasehold/Metadata.h"
#include "Leasehold/TokenPolicy.h"
#include "Leasehold/WaitPolicy.h"

#include <benchmark/benchmark.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold::Bench
{
namespace
{

/// Gathers what Google Benchmark measured, instead of printing it.
class Gatherer : public benchmark::BenchmarkReporter
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

AcquireRequest anAcquire()
{
    AcquireRequest request;
    request.name = "orders/reindex";
    request.token = drawToken();
    request.ttl = std::chrono::seconds(30);
    return request;
}

std::string bulkAnswer(std::size_t items)
{
    std::string body = R"({"items":[)";
    for (std::size_t number = 0; number < items; ++number)
        body += std::string(number == 0 ? "" : ",") + R"({"update":{"result":"updated","status":200}})";
    return body + "]}";
}

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

void addAll()
{
    const LeasePolicy policy;
    const auto now = Clock::system()->now();
    add("LeasePolicy: validUntil and the next renewal", [policy, now]
        { return policy.validUntil(now, policy.ttl).time_since_epoch().count() + policy.nextRenewal(now).time_since_epoch().count(); });
    add("WaitPolicy: the next delay",
        [backoff = WaitPolicy{}.backoff, attempt = 0]() mutable { return backoff->delay(++attempt % 10, Milliseconds(20'000)); });

    const LeaseRules::StorageNow storageNow{1'000'000, 1'764'000'000'000'000};
    const auto request = anAcquire();
    add("LeaseRules: acquire, renew and release of one record",
        [storageNow, request]
        {
            std::optional<LeaseRules::Record> record;
            LeaseRules::acquire(record, request, storageNow);
            const LeaseRef lease{request.name, request.token, record->fence};
            LeaseRules::renew(record, lease, request.ttl, storageNow);
            bool changed = false;
            return LeaseRules::release(record, lease, storageNow, changed);
        });
    add("TokenPolicy: a token from the operating system", [] { return drawToken(); });
    add("Metadata of three members", [] { return Metadata{{"host", "web-3"}, {"pid", 4711}, {"nightly", true}}; });
    add("Metadata::fromJSON, three members", [] { return Metadata::fromJSON(R"({"host":"web-3","pid":4711,"nightly":true})"); });
    add("parseDuration", [] { return parseDuration("1500ms"); });
    add("formatDuration", [] { return formatDuration(Milliseconds(90'000)); });

    add("Elasticsearch: the request of one acquire", [request] { return acquireOperation(request); });
    const RenewRequest renewal{{request.name, request.token, 1'764'000'000'000'000}, request.ttl};
    add("Elasticsearch: the request of 1,000 renewals",
        [renewal]
        {
            std::string body;
            for (int number = 0; number < 1000; ++number)
                appendBulkLines(body, renewOperation(renewal));
            return body;
        });
    add("Elasticsearch: reading the answer to one", [body = std::string(R"({"result":"updated","get":{"_source":{"answer":"released"}}})")]
        { return readEngineAnswer(200, "application/json", body); });
    add("Elasticsearch: reading the answer to 1,000 renewals",
        [body = bulkAnswer(1000)] { return readEngineAnswer(200, "application/json", body); });
}

} // namespace

/// The small steps by themselves, in processor time, by Google Benchmark.
Result measureSmallSteps(Setting& setting)
{
    addAll();
    std::string program = "leasehold-bench", minTime = "--benchmark_min_time=" + std::to_string(setting.pick(0.0001, 0.05)),
                repetitions = "--benchmark_repetitions=" + std::to_string(setting.repetitions());
    char* arguments[] = {program.data(), minTime.data(), repetitions.data(), nullptr};
    int count = 3;
    benchmark::Initialize(&count, arguments);
    Gatherer gatherer;
    benchmark::RunSpecifiedBenchmarks(&gatherer);
    benchmark::ClearRegisteredBenchmarks();

    Result result;
    for (const auto& [name, nanoseconds] : gatherer.nanoseconds)
        result.lines.push_back({.what = name, .unit = "ns", .ours = spreadOf(nanoseconds)});
    return result;
}

} // namespace Leasehold::Bench
