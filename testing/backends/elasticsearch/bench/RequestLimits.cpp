#include "Alternation.h"
#include "EngineBench.h"
#include "LockOperations.h"
#include "ThreadCrew.h"

#include "Leasehold/LockPolicy.h"

#include <charconv>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold::Bench
{

using namespace Elasticsearch;
namespace
{

/// The engine's rate if no thread must be woken for each operation: two connections send only full requests of repeated grants, each of
/// which writes.
Spread fullRequestsRate(const Setting& setting, const IndexAddress& address)
{
    constexpr std::size_t connections = 2, size = 128;
    std::vector<std::string> requests;
    for (std::size_t connection = 0; connection < connections; ++connection)
    {
        std::string body;
        for (std::size_t at = 0; at < size; ++at)
            appendBulkLines(body, acquireOperation({"full/" + std::to_string(connection) + "/" + std::to_string(at), drawToken(),
                                                    std::chrono::minutes(10)}));
        requests.push_back(postRequest(address.port, bulkPath(address.index, Milliseconds(30'000)), body));
    }
    std::vector<std::unique_ptr<RawConnection>> raw;
    for (std::size_t connection = 0; connection < connections; ++connection)
        raw.push_back(std::make_unique<RawConnection>(address.port));
    std::vector<double> measured;
    for (std::size_t turn = 0; turn < setting.repetitions(); ++turn)
        measured.push_back(static_cast<double>(size) *
                           crewRate(connections, setting.slice(),
                                    [&](std::size_t connection)
                                    {
                                        if (raw[connection]->exchange(requests[connection]).find("\"noop\"") != std::string_view::npos)
                                            throw std::runtime_error("the raw client: a replayed grant changed nothing");
                                    })
                               .perSecond);
    return spreadOf(measured);
}

/// Releases a lock and acquires it again in one `_bulk` per call: the fastest way if each grant is a step of the storage.
class RawHandOver
{
public:
    explicit RawHandOver(const IndexAddress& address) :
        _port(address.port), _path(bulkPath(address.index, Milliseconds(4500))), _connection(_port)
    {
        pass({}); // the first grant; the lock is free
    }

    void pass() { pass(releaseOperation({"handed over", _token, _fence})); }

private:
    void pass(const std::optional<LockOperation>& release)
    {
        std::string body;
        if (release)
            appendBulkLines(body, *release);
        _token = drawToken();
        appendBulkLines(body, acquireOperation({"handed over", _token, std::chrono::seconds(30)}));
        const auto answer = _connection.exchange(postRequest(_port, _path, body));
        constexpr std::string_view field = "\"fence\":";
        const auto at = answer.rfind(field);
        if (at == std::string_view::npos || answer.find(_token) == std::string_view::npos)
            throw std::runtime_error("the raw client: not handed over: " + std::string(answer.substr(0, 500)));
        std::from_chars(answer.data() + at + field.size(), answer.data() + answer.size(), _fence);
    }

    const int _port;
    const std::string _path;
    RawConnection _connection;
    std::string _token;
    Fence _fence = 0;
};

Spread handOverRate(const Setting& setting, const IndexAddress& address)
{
    RawHandOver handOver(address);
    std::vector<double> measured;
    for (std::size_t turn = 0; turn < setting.repetitions(); ++turn)
        measured.push_back(rateOf(setting.slice(), 1, [&] { handOver.pass(); }));
    return spreadOf(measured);
}

} // namespace

/// Two raw limits to compare the scenarios "threads" and "contention" with.
Result measureRequestLimits(Setting& setting, EngineBench& bench)
{
    const auto address = indexAddress(bench.preparedStorage());
    Result result;
    result.lines.push_back({.what = "two bare connections that send full `_bulk`s of 128 grants, and wake no thread for each grant",
                            .unit = "updates/s",
                            .ours = fullRequestsRate(setting, address)});
    result.lines.push_back({.what = "one bare client that releases a lock and acquires it again in one `_bulk`",
                            .unit = "grants/s",
                            .ours = handOverRate(setting, address)});
    return result;
}

} // namespace Leasehold::Bench
