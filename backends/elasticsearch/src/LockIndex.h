#pragma once

#include <optional>
#include <string>

namespace Leasehold
{

/// What the store makes of the index that holds the locks, and what it accepts there.
namespace LockIndex
{

/// The schema of the documents; in the index's `_meta`.
inline constexpr int schema = 1;

/// The name of the index that is made behind the alias.
std::string firstIndexOf(const std::string& alias);

/// The body of the request that makes the index together with its alias, so that nobody sees the one without the other.
std::string definition(const std::string& alias, int replicas);

/// What stands behind an alias.
struct State
{
    std::string uuid{};    ///< empty: the engine does not say
    std::string problem{}; ///< empty: usable; else what is wrong and how to repair it
};

/// Judges the answer to GET /ALIAS. nullopt: it makes no sense.
std::optional<State> examine(const std::string& alias, const std::string& body);

} // namespace LockIndex

} // namespace Leasehold
