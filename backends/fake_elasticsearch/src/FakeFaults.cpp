#include "Leasehold/FakeFaults.h"

#include "FaultState.h"

#include <utility>

namespace Leasehold
{

FakeFault FakeFault::delay(Milliseconds pause)
{
    return FakeFault(Way::delay, pause);
}

FakeFault FakeFault::hang()
{
    return FakeFault(Way::hang);
}

FakeFault FakeFault::hangAfter()
{
    return FakeFault(Way::hangAfter);
}

FakeFault FakeFault::drip(Milliseconds pause)
{
    return FakeFault(Way::drip, pause);
}

FakeFault FakeFault::resetBefore()
{
    return FakeFault(Way::resetBefore);
}

FakeFault FakeFault::resetAfter()
{
    return FakeFault(Way::resetAfter);
}

FakeFault FakeFault::cut()
{
    return FakeFault(Way::cut);
}

FakeFault FakeFault::overloaded()
{
    return error(429, "rejected_execution_exception", "rejected execution of coordinating operation");
}

FakeFault FakeFault::diskFull()
{
    return error(429, "cluster_block_exception",
                 "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];");
}

FakeFault FakeFault::unavailable()
{
    return error(503, "unavailable_shards_exception", "primary shard is not active");
}

FakeFault FakeFault::indexMissing()
{
    return error(404, "index_not_found_exception", "no such index");
}

FakeFault FakeFault::conflict()
{
    return error(409, "version_conflict_engine_exception", "version conflict, the document was changed by another");
}

FakeFault FakeFault::unauthorized()
{
    return error(401, "security_exception", "unable to authenticate user");
}

FakeFault FakeFault::forbidden()
{
    return error(403, "security_exception", "action is unauthorized for user");
}

FakeFault FakeFault::blocked()
{
    return error(403, "cluster_block_exception", "blocked by: [FORBIDDEN/8/index write (api)];");
}

FakeFault FakeFault::error(int status, std::string type, std::string reason)
{
    FakeFault fault(Way::answer);
    fault._status = status;
    fault._errorType = std::move(type);
    fault._reason = std::move(reason);
    return fault;
}

FakeFault FakeFault::html(int status)
{
    return answer(status, "text/html", "<html><body><h1>The gateway is not in the mood</h1></body></html>");
}

FakeFault FakeFault::malformedJson(int status)
{
    return answer(status, "application/json", R"({"result":updated,,})");
}

FakeFault FakeFault::truncatedJson(int status)
{
    return answer(status, "application/json", R"({"result":"updated","get":{"_source":{"token)");
}

FakeFault FakeFault::emptyBody(int status)
{
    return answer(status, "application/json", {});
}

FakeFault FakeFault::answer(int status, std::string contentType, std::string body)
{
    FakeFault fault(Way::answer);
    fault._status = status;
    fault._contentType = std::move(contentType);
    fault._body = std::move(body);
    return fault;
}

FakeFault FakeFault::ofItem(std::size_t position) const
{
    FakeFault fault = *this;
    fault._item = position;
    return fault;
}

FakeFaults::FakeFaults() : _state(std::make_unique<State>()) {}

FakeFaults::~FakeFaults() = default;

void FakeFaults::next(FakeFault fault, FakeRequest request, std::size_t times)
{
    const std::lock_guard lock(_state->mutex);
    _state->rules.push_back({.fault = std::move(fault), .request = request, .times = times});
}

void FakeFaults::nth(std::size_t n, FakeFault fault, FakeRequest request)
{
    const std::lock_guard lock(_state->mutex);
    _state->rules.push_back({.fault = std::move(fault), .request = request, .skip = n > 0 ? n - 1 : 0, .times = 1});
}

void FakeFaults::always(FakeFault fault, FakeRequest request)
{
    const std::lock_guard lock(_state->mutex);
    _state->rules.push_back({.fault = std::move(fault), .request = request});
}

void FakeFaults::byChance(double probability, FakeFault fault, FakeRequest request)
{
    const std::lock_guard lock(_state->mutex);
    _state->rules.push_back({.fault = std::move(fault), .request = request, .probability = probability});
}

void FakeFaults::seed(std::uint64_t seed)
{
    const std::lock_guard lock(_state->mutex);
    _state->chances.seed(seed);
}

void FakeFaults::clear()
{
    {
        const std::lock_guard lock(_state->mutex);
        _state->rules.clear();
        ++_state->clearings;
    }
    _state->changed.notify_all();
}

std::size_t FakeFaults::injected() const
{
    const std::lock_guard lock(_state->mutex);
    return _state->injected;
}

std::size_t FakeFaults::waiting() const
{
    const std::lock_guard lock(_state->mutex);
    return _state->waiting;
}

std::optional<FakeFault> FakeFaults::State::choose(const std::set<FakeRequest>& kinds)
{
    const std::lock_guard lock(mutex);
    std::optional<FakeFault> chosen;
    for (auto& rule : rules)
    {
        if (rule.request != FakeRequest::any && !kinds.contains(rule.request))
            continue;
        if (rule.skip > 0)
        {
            --rule.skip;
            continue;
        }
        // The chance is drawn also when another rule has decided, so that a rule's sequence does not depend on the others'.
        const bool drawn = rule.probability >= 1 || std::uniform_real_distribution<double>(0, 1)(chances) < rule.probability;
        if (chosen || rule.times == 0 || !drawn)
            continue;
        if (rule.times != std::numeric_limits<std::size_t>::max())
            --rule.times;
        chosen = rule.fault;
        ++injected;
    }
    std::erase_if(rules, [](const Rule& rule) { return rule.times == 0; });
    return chosen;
}

bool FakeFaults::State::wait(std::stop_token stop, std::optional<Milliseconds> pause)
{
    std::unique_lock lock(mutex);
    ++waiting;
    const auto until = [this, before = clearings] { return clearings != before; };
    if (pause)
        changed.wait_for(lock, stop, *pause, until);
    else
        changed.wait(lock, stop, until);
    --waiting;
    return !stop.stop_requested();
}

} // namespace Leasehold
