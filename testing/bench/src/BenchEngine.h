#pragma once

#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/EngineNode.h"
#include "Leasehold/FakeElasticsearchServer.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace Leasehold::Bench
{

/// The engine that is measured against: a real node, or (to see that the scenarios run) the fake server. Used on the main thread.
class BenchEngine
{
public:
    /// A node as in production: with both compilers of the virtual machine, where the tests' nodes start quicker with one.
    static std::unique_ptr<BenchEngine> real(EngineKind kind);
    static std::unique_ptr<BenchEngine> fake();

    std::string name() const; ///< and version
    std::string url() const;
    int port() const;

    /// Of the node; nullopt: the fake server, which lives in this process.
    std::optional<pid_t> process() const;

    /// An index of its own for each caller, made and ready, so that no scenario meets the dead records of another.
    std::string freshIndex();

    ElasticsearchOptions options(const std::string& index) const;
    std::shared_ptr<LockStore> openStore(const std::string& index) const;

    /// A request of an operator. Throws std::runtime_error unless its status is 200.
    std::string ask(const std::string& method, const std::string& path);

    /// Until thaw() nothing is answered, and nothing is refused.
    void freeze();
    void thaw();

    /// Load of both kinds, single and shared requests, until the virtual machine has compiled what it runs: by so many operations, not by
    /// time, or a machine that is busy with other things would measure the compiler.
    void warmUp(std::size_t operations, std::chrono::duration<double> atMost);

private:
    BenchEngine() = default;

    std::unique_ptr<EngineNode> _node;
    EngineKind _kind{};
    std::unique_ptr<FakeElasticsearchServer> _fake;
    int _indices = 0;
};

} // namespace Leasehold::Bench
