#pragma once

#include "Leasehold/Fence.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace Leasehold
{

namespace Elasticsearch
{
struct LockOperation;
}

/// A request to two nodes that must give the same answer.
struct PlannedRequest
{
    std::string what{}; ///< for people
    bool malformed = false;
    std::string method{};
    std::string target{}; ///< path and query, encoded
    std::string body{};
    std::string contentType = "application/json";
};

/// An endless random sequence of requests: those of ElasticsearchLockStore, made by its own code, those of an operator, and malformed
/// ones. The same seed gives the same sequence. It does not depend on the speed of the machine: leases end at once, or long after the
/// test.
///
/// The fence of a lock differs between nodes, so a request has a placeholder for it: see fencePlaceholder.
class RandomRequests
{
public:
    /// `now`: milliseconds since 1970, for the documents that an operator writes.
    RandomRequests(std::uint64_t seed, std::int64_t now);

    PlannedRequest next();

    static constexpr const char* alias = "locks";
    static constexpr const char* index = "locks-1";
    /// The request that creates the index, which the sequence needs.
    static PlannedRequest creation();

    /// The locks of the sequence.
    static const std::vector<std::string>& names();
    /// Stands for the fence that the lock names()[position] has on the node.
    static Fence fencePlaceholder(std::size_t position) { return 4'444'444'444'444'400 + position; }

private:
    std::size_t below(std::size_t bound);
    bool chance(unsigned percent) { return below(100) < percent; }
    template <typename Choice>
    Choice pick(std::initializer_list<Choice> choices)
    {
        return choices.begin()[below(choices.size())];
    }
    std::string pick(const std::vector<std::string>& choices) { return choices[below(choices.size())]; }

    Elasticsearch::LockOperation operation(std::string& what);
    PlannedRequest update();
    PlannedRequest bulk();
    PlannedRequest search();
    PlannedRequest document();
    PlannedRequest setUp();

    PlannedRequest malformed();
    PlannedRequest wellFormed();
    void damageText(PlannedRequest& request);
    void damageQuery(PlannedRequest& request);
    PlannedRequest oddUpdate();
    PlannedRequest oddBulk();
    PlannedRequest oddSearch();
    PlannedRequest oddPath();
    PlannedRequest oddIndex();

    std::mt19937_64 _random;
    const std::int64_t _now;
    std::deque<PlannedRequest> _coming; // the rest of a group of requests
};

} // namespace Leasehold
