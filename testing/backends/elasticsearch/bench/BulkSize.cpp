#include "Alternation.h"
#include "EngineBench.h"
#include "ThreadCrew.h"

#include "LockOperations.h"

#include "Leasehold/LockPolicy.h"

#include <mutex>
#include <stdexcept>

namespace Leasehold::Bench
{

using namespace Elasticsearch;

/// Measures renewals in `_bulk` requests of several sizes: renewals per second, and the time of one request.
Result measureBulkSize(Setting& setting, EngineBench& bench)
{
    const auto url = bench.preparedStorage();
    const auto address = indexAddress(url);
    const auto sizes = setting.pick<std::vector<std::size_t>>({1, 10}, {10, 50, 100, 250, 500, 1000, 2000, 5000});
    const auto store = openStore(url);
    std::vector<RenewRequest> leases(sizes.back());
    runCrew(setting.pick<std::size_t>(2, 64),
            [&](std::size_t thread)
            {
                const auto threads = setting.pick<std::size_t>(2, 64);
                for (auto number = thread; number < leases.size(); number += threads)
                {
                    AcquireRequest request;
                    request.name = "lock/" + std::to_string(number);
                    request.token = drawToken();
                    request.ttl = std::chrono::minutes(30);
                    const auto reply = store->acquire(request, CallContext::within(std::chrono::seconds(30)));
                    leases[number] = {{request.name, request.token, reply.record.fence}, request.ttl};
                }
            });

    RawConnection connection(address.port);
    std::vector<std::string> requests;
    for (const auto size : sizes)
    {
        std::string body;
        for (std::size_t number = 0; number < size; ++number)
            appendBulkLines(body, renewOperation(leases[number]));
        requests.push_back(postRequest(address.port, bulkPath(address.index, Milliseconds(30'000)), body));
    }
    std::vector<std::vector<double>> rates(sizes.size());
    for (std::size_t turn = 0; turn < setting.repetitions(); ++turn)
        for (std::size_t at = 0; at < sizes.size(); ++at)
            rates[at].push_back(static_cast<double>(sizes[at]) * rateOf(setting.slice(), 1,
                                                                        [&]
                                                                        {
                                                                            const auto answer = connection.exchange(requests[at]);
                                                                            if (answer.find("\"noop\"") != std::string_view::npos)
                                                                                throw std::runtime_error("a lease was lost");
                                                                        }));
    Result result;
    Plot plot{"bulk-size", "Renewals in requests of different size",      "renewals in a request", "", true,
              true,        {{"renewals/s", {}}, {"ms for a request", {}}}};
    for (std::size_t at = 0; at < sizes.size(); ++at)
    {
        const auto rate = spreadOf(rates[at]);
        const double milliseconds = 1000 * static_cast<double>(sizes[at]) / rate.median;
        result.lines.push_back({.what = std::to_string(sizes[at]) + " in a request, " + std::to_string(requests[at].size() / 1000) + " kB",
                                .unit = "renewals/s",
                                .ours = rate});
        result.notes.push_back(std::to_string(sizes[at]) + " take " + std::to_string(static_cast<int>(milliseconds + 0.5)) + " ms");
        plot.curves[0].points.emplace_back(sizes[at], rate.median);
        plot.curves[1].points.emplace_back(sizes[at], milliseconds);
    }
    result.plots.push_back(std::move(plot));
    return result;
}

} // namespace Leasehold::Bench
