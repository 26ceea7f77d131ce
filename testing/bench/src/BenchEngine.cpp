#include "BenchEngine.h"

#include "LoadGenerator.h"
#include "ThreadCrew.h"

#include "Leasehold/LockManagerService.h"

#include <atomic>
#include <stdexcept>

namespace Leasehold::Bench
{

std::unique_ptr<BenchEngine> BenchEngine::real(EngineKind kind)
{
    std::unique_ptr<BenchEngine> engine(new BenchEngine);
    EngineOptions options;
    options.heapMegabytes = 1024;
    options.quickStart = false;
    engine->_kind = kind;
    engine->_node = std::make_unique<EngineNode>(kind, options);
    return engine;
}

std::unique_ptr<BenchEngine> BenchEngine::fake()
{
    std::unique_ptr<BenchEngine> engine(new BenchEngine);
    engine->_fake = std::make_unique<FakeElasticsearchServer>();
    return engine;
}

std::string BenchEngine::name() const
{
    return _node ? toString(_kind) : "the fake server";
}

std::string BenchEngine::url() const
{
    return _node ? _node->url() : _fake->url();
}

int BenchEngine::port() const
{
    const auto address = url();
    return std::stoi(address.substr(address.rfind(':') + 1));
}

std::optional<pid_t> BenchEngine::process() const
{
    return _node ? std::optional(_node->pid()) : std::nullopt;
}

std::string BenchEngine::freshIndex()
{
    const auto index = "bench-" + std::to_string(++_indices);
    openStore(index)->prepare(CallContext::within(std::chrono::seconds(30)));
    return index;
}

ElasticsearchOptions BenchEngine::options(const std::string& index) const
{
    ElasticsearchOptions options;
    options.nodes = {url()};
    options.index = index;
    options.replicas = 0;
    return options;
}

std::shared_ptr<LockStore> BenchEngine::openStore(const std::string& index) const
{
    return std::make_shared<ElasticsearchLockStore>(options(index));
}

std::string BenchEngine::ask(const std::string& method, const std::string& path)
{
    int status = 0;
    std::string body;
    if (_node)
    {
        auto reply = _node->ask(method, path);
        status = reply.status;
        body = std::move(reply.body);
    }
    else
    {
        auto reply = _fake->ask(method, path);
        status = reply.status;
        body = std::move(reply.body);
    }
    if (status != 200)
        throw std::runtime_error(method + " " + path + " was answered with status " + std::to_string(status) + ": " + body.substr(0, 500));
    return body;
}

void BenchEngine::freeze()
{
    if (_node)
        _node->stopHanging();
    else
        _fake->faults().always(FakeFault::hang());
}

void BenchEngine::thaw()
{
    if (_node)
        _node->resume();
    else
        _fake->faults().clear();
}

void BenchEngine::warmUp(std::size_t operations, std::chrono::duration<double> atMost)
{
    using Steady = std::chrono::steady_clock;
    const auto index = freshIndex();
    const auto ends = Steady::now() + std::chrono::duration_cast<Steady::duration>(atMost);
    LoadGenerator load(port(), index, 16);
    LockManagerService locks(openStore(index));
    std::size_t singles = 0;
    std::atomic<std::size_t> shared{0};
    while (singles + shared < operations && Steady::now() < ends)
    {
        singles += load.run(atMost / 40).milliseconds.size();
        const auto turnEnds = Steady::now() + std::chrono::duration_cast<Steady::duration>(atMost / 40);
        runCrew(64,
                [&](std::size_t number)
                {
                    for (; Steady::now() < turnEnds; shared += 2)
                        locks.acquire("warm-" + std::to_string(number)).release();
                });
    }
}

} // namespace Leasehold::Bench
