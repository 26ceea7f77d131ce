#include "EngineBench.h"
#include "LoadGenerator.h"
#include "ThreadCrew.h"

#include "ElasticsearchStorage.h"
#include "Leasehold/LockManagerService.h"

#include <atomic>
#include <iostream>
#include <utility>

namespace Leasehold::Bench
{
namespace
{

using Steady = std::chrono::steady_clock;

/// Sends single and shared requests until the virtual machine has compiled the code. The amount is a number of operations and not a time:
/// otherwise a busy machine would measure the compiler.
void warmUp(const std::string& url, std::size_t operations, Seconds atMost)
{
    const auto address = indexAddress(url);
    const auto ends = Steady::now() + std::chrono::duration_cast<Steady::duration>(atMost);
    LockManagerService locks(openStore(url));
    locks.check();
    LoadGenerator load(address.port, address.index, 16);
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

/// A real node as in production, with both compilers of the virtual machine. (The nodes of the tests use one, which starts faster.)
class ElasticsearchBench : public EngineBench
{
public:
    explicit ElasticsearchBench(std::string kind) : _kind(std::move(kind)) {}

    EngineNode* node() override { return &static_cast<ElasticsearchStorage&>(storage()).node(); }
    std::optional<pid_t> serverProcess() override { return node()->pid(); }

protected:
    std::unique_ptr<StorageAdapter> start() override
    {
        std::clog << "  starting the engine" << std::endl;
        auto storage = std::make_unique<ElasticsearchStorage>(_kind, EngineOptions{.heapMegabytes = 1024, .quickStart = false});
        warmUp(storage->emptyStorage(), 150'000, std::chrono::minutes(1));
        return storage;
    }

private:
    const std::string _kind;
};

} // namespace

std::unique_ptr<StorageBench> elasticsearchBench(const std::string& kind)
{
    return std::make_unique<ElasticsearchBench>(kind);
}

} // namespace Leasehold::Bench
