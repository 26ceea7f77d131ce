#pragma once

#include "RedisServer.h"

#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

/// A cluster of three primaries, each with a replica or without one. Make it on the main thread.
class RedisCluster
{
public:
    static constexpr std::size_t primaries = 3;

    /// `certificates`: see RedisServerOptions. Returns when it is complete.
    RedisCluster(RedisKind kind, bool withReplicas, const TestCertificates* certificates = nullptr);

    std::size_t size() const { return _nodes.size(); }
    RedisServer& node(std::size_t index) { return *_nodes.at(index); }
    /// The node that has the keys of this prefix. Throws std::runtime_error if no node says so.
    std::size_t ownerOf(const std::string& prefix) const;
    /// Returns when every node sees the cluster as complete, and every primary has its replica.
    void awaitComplete();
    std::vector<std::string> nodes() const;

    /// Moves the slot of the prefix to another primary, as an operator would. `halfWay` runs when some of its keys have moved.
    void moveSlot(const std::string& prefix, std::size_t target, const std::function<void()>& halfWay);

private:
    std::string idOf(std::size_t node) const { return _nodes[node]->operate({"CLUSTER", "MYID"}).text; }
    void meet();
    void addReplicas();

    const bool _withReplicas;
    std::vector<std::unique_ptr<RedisServer>> _nodes; // the primaries first
};

} // namespace Leasehold
