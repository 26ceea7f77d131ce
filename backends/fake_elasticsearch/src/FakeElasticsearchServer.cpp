#include "Leasehold/FakeElasticsearchServer.h"

#include "FakeEngine.h"
#include "FaultState.h"
#include "HttpListener.h"

#include <array>
#include <atomic>
#include <optional>

namespace Leasehold
{

struct FakeElasticsearchServer::State
{
    using Reply = Fake::HttpListener::Reply;
    using Wire = Reply::Wire;

    explicit State(FakeElasticsearchOptions given) : options(std::move(given)), engine([this] { return now(); })
    {
        using namespace std::chrono;
        start = duration_cast<Milliseconds>(system_clock::now().time_since_epoch()).count();
        if (options.clock)
            clockStart = options.clock->now();
        faults.seed(options.seed);
    }

    std::int64_t now() const
    {
        const auto passed = options.clock ? std::chrono::floor<Milliseconds>(options.clock->now() - clockStart).count() : 0;
        return start + passed + advanced;
    }

    Reply serve(const Fake::Request& request, FakeFaults::State& coming, std::stop_token stop);

    const FakeElasticsearchOptions options;
    std::int64_t start = 0;
    LocalTime clockStart{};
    std::atomic<std::int64_t> advanced{0};
    std::array<std::atomic<std::size_t>, static_cast<std::size_t>(FakeRequest::other) + 1> counts{};
    Fake::FakeEngine engine;
    FakeFaults faults{};
    std::mutex mutex{}; // the rest
    std::uint16_t port = 0;
    std::stop_source stopping{};
    std::unique_ptr<Fake::HttpListener> listener{};
};

FakeElasticsearchServer::State::Reply FakeElasticsearchServer::State::serve(const Fake::Request& request, FakeFaults::State& coming,
                                                                            std::stop_token stop)
{
    const auto kinds = Fake::FakeEngine::kindsOf(request);
    ++counts[static_cast<std::size_t>(FakeRequest::any)];
    for (const auto kind : kinds)
        ++counts[static_cast<std::size_t>(kind)];

    const Reply none{.answer = {}, .wire = Wire::reset, .pause = {}};
    const auto fault = coming.choose(kinds);
    if (!fault)
        return {.answer = engine.handle(request), .wire = Wire::whole, .pause = {}};
    switch (fault->way())
    {
    case FakeFault::Way::delay:
    case FakeFault::Way::hang:
    {
        const auto pause = fault->way() == FakeFault::Way::delay ? std::optional(fault->pause()) : std::nullopt;
        if (!coming.wait(stop, pause))
            return none;
        return {.answer = engine.handle(request), .wire = Wire::whole, .pause = {}};
    }
    case FakeFault::Way::hangAfter:
    {
        auto answer = engine.handle(request);
        if (!coming.wait(stop, std::nullopt))
            return none;
        return {.answer = std::move(answer), .wire = Wire::whole, .pause = {}};
    }
    case FakeFault::Way::drip:
        return {.answer = engine.handle(request), .wire = Wire::drip, .pause = fault->pause()};
    case FakeFault::Way::resetBefore:
        return none;
    case FakeFault::Way::resetAfter:
        engine.handle(request);
        return none;
    case FakeFault::Way::cut:
        return {.answer = engine.handle(request), .wire = Wire::cut, .pause = {}};
    case FakeFault::Way::answer:
        if (fault->item())
            return {.answer = engine.handle(request, fault), .wire = Wire::whole, .pause = {}};
        return {.answer = Fake::FakeEngine::refusal(*fault), .wire = Wire::whole, .pause = {}};
    }
    return none;
}

FakeElasticsearchServer::FakeElasticsearchServer(FakeElasticsearchOptions options) : _state(std::make_unique<State>(std::move(options)))
{
    _state->port = _state->options.port;
    start();
}

FakeElasticsearchServer::~FakeElasticsearchServer()
{
    stop();
}

std::string FakeElasticsearchServer::url() const
{
    const std::lock_guard lock(_state->mutex);
    return "http://127.0.0.1:" + std::to_string(_state->port);
}

StorageTime FakeElasticsearchServer::now() const
{
    return StorageTime(Milliseconds(_state->now()));
}

void FakeElasticsearchServer::advance(Milliseconds span)
{
    _state->advanced += span.count();
}

FakeFaults& FakeElasticsearchServer::faults()
{
    return _state->faults;
}

void FakeElasticsearchServer::stop()
{
    const std::lock_guard lock(_state->mutex);
    _state->stopping.request_stop();
    _state->listener.reset();
}

void FakeElasticsearchServer::start()
{
    const std::lock_guard lock(_state->mutex);
    if (_state->listener)
        return;
    _state->stopping = {};
    auto& coming = *_state->faults._state;
    const auto serve = [state = _state.get(), &coming, stop = _state->stopping.get_token()](const Fake::Request& request)
    { return state->serve(request, coming, stop); };
    _state->listener = std::make_unique<Fake::HttpListener>(_state->port, serve);
    _state->port = _state->listener->port();
}

std::size_t FakeElasticsearchServer::requests(FakeRequest request) const
{
    return _state->counts[static_cast<std::size_t>(request)];
}

FakeElasticsearchServer::Answer FakeElasticsearchServer::ask(const std::string& method, const std::string& path, const std::string& body,
                                                             const std::string& contentType)
{
    const auto answer = _state->engine.handle({method, path, contentType, body});
    return {answer.status, answer.contentType, answer.body};
}

} // namespace Leasehold
