#include "Churn.h"

#include "KeptLocks.h"
#include "ThreadCrew.h"

#include "Leasehold/LockManagerService.h"

#include <algorithm>
#include <future>
#include <mutex>
#include <thread>

namespace Leasehold::Bench
{
namespace
{

using Steady = std::chrono::steady_clock;

/// One minute of the run, or what a short run has in its place.
struct Window
{
    std::vector<double> milliseconds{}; ///< of each pair
    double megabytes = 0;               ///< of the table and its index, at the end
};

Line lineOf(std::string what, std::string unit, double value)
{
    return {.what = std::move(what), .unit = std::move(unit), .ours = spreadOf({value})};
}

double megabytesOf(const PostgresServer& server, const std::string& schema)
{
    return std::stod(server.value("SELECT pg_total_relation_size('" + schema + ".lock')")) / 1e6;
}

} // namespace

std::string schemaOf(const std::string& url)
{
    const std::string word = "schema=";
    const auto begin = url.find(word) + word.size();
    return url.substr(begin, url.find('&', begin) - begin);
}

Result measureChurn(Setting& setting, StorageBench& bench, PostgresServer& server)
{
    const auto url = bench.preparedStorage();
    LockManagerService locks(openStore(url));
    const auto threads = setting.pick<std::size_t>(2, 64), namesOfAThread = setting.pick<std::size_t>(2, 16);
    const double pairsPerSecond = setting.pick(100, 5000); // an acquire and a release: two updates
    const auto count = setting.pick<std::size_t>(2, 10);
    const auto length = std::chrono::duration_cast<Steady::duration>(Seconds(setting.pick(0.02, 60.0)));
    std::vector<Window> windows(count);
    std::mutex mutex;

    const auto began = Steady::now();
    const auto work = [&](std::size_t thread)
    {
        const auto period = std::chrono::duration_cast<Steady::duration>(Seconds(static_cast<double>(threads) / pairsPerSecond));
        Steady::time_point next =
            began + std::chrono::duration_cast<Steady::duration>(Seconds(static_cast<double>(thread) / pairsPerSecond));
        std::vector<double> milliseconds;
        for (std::size_t window = 0, number = 0; window < count; ++number)
        {
            std::this_thread::sleep_until(next);
            const auto start = Steady::now();
            locks.acquire(std::to_string(thread) + "/" + std::to_string(number % namesOfAThread)).release();
            const auto end = Steady::now();
            milliseconds.push_back(std::chrono::duration<double, std::milli>(end - start).count());
            next = std::max(next + period, end);
            if (end < began + length * (window + 1))
                continue;
            const std::lock_guard guard(mutex);
            auto& all = windows[window++].milliseconds;
            all.insert(all.end(), milliseconds.begin(), milliseconds.end());
            milliseconds.clear();
        }
    };
    auto crew = std::async(std::launch::async, [&] { runCrew(threads, work); });
    std::optional<double> serverCore;
    for (auto& window : windows)
    {
        serverCore = keepFor(Seconds(length), bench.serverProcess()).serverCore;
        window.megabytes = megabytesOf(server, schemaOf(url));
    }
    crew.get();

    Result result;
    std::size_t pairs = 0;
    Plot plot{"churn",
              "Locks that change hands all the time",
              "minutes",
              "",
              false,
              false,
              {{"p99 of acquire + release, ms", {}}, {"table and index, MB", {}}}};
    for (std::size_t minute = 0; minute < count; ++minute)
    {
        pairs += windows[minute].milliseconds.size();
        plot.curves[0].points.emplace_back(minute + 1, quantile(windows[minute].milliseconds, 0.99));
        plot.curves[1].points.emplace_back(minute + 1, windows[minute].megabytes);
    }
    result.lines.push_back(lineOf(std::to_string(threads * namesOfAThread) + " locks: updates", "per second",
                                  2 * static_cast<double>(pairs) / (Seconds(length).count() * static_cast<double>(count))));
    for (const auto& [when, window] : {std::pair<std::string, const Window&>{"in the first minute", windows.front()},
                                       {"in the last of " + std::to_string(count) + " minutes", windows.back()}})
    {
        result.lines.push_back(lineOf("acquire + release " + when + ": median", "ms", quantile(window.milliseconds, 0.5)));
        result.lines.push_back(lineOf("acquire + release " + when + ": p99", "ms", quantile(window.milliseconds, 0.99)));
        result.lines.push_back(lineOf("table and index " + when, "MB", window.megabytes));
    }
    if (serverCore)
        result.lines.push_back(lineOf("processor time of the server", "% of one core", *serverCore));
    result.plots.push_back(std::move(plot));
    return result;
}

} // namespace Leasehold::Bench
