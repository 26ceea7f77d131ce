#pragma once

#include <optional>
#include <string>
#include <vector>

namespace Leasehold::Elasticsearch
{

/// Defines the index of the locks, and checks an existing one.
namespace LockIndex
{

/// The version of the schema of the documents; stored in the index's `_meta`.
inline constexpr int schema = 1;

/// The name of the index that is made behind the alias.
std::string firstIndexOf(const std::string& alias);

/// The body of the request that makes the index and its alias in one step, so that no process sees one without the other.
std::string definition(const std::string& alias, int replicas);

/// A request of an operator.
struct Request
{
    std::string method{}, path{}, body{};
};

/// The requests that move all locks from this index to a new one with right mappings, in order. Leases and fences survive: the old index
/// is blocked for writing and refreshed before it is copied.
std::vector<Request> repair(const std::string& alias, const std::string& index, int replicas);

/// The index behind an alias.
struct State
{
    std::string uuid{};    ///< empty: not in the answer
    std::string problem{}; ///< empty: the index is usable; else what is wrong and how to repair it
};

/// Judges the answer to GET /ALIAS. nullopt: it is not an engine's answer. `replicas`: for the repair.
std::optional<State> examine(const std::string& alias, const std::string& body, int replicas);

} // namespace LockIndex

} // namespace Leasehold::Elasticsearch
