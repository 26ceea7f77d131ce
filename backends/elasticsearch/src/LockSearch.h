#pragma once

#include "Leasehold/Durations.h"

#include <cstddef>
#include <string>

namespace Leasehold
{

/// The searches of the store. They lag behind the writes by the refresh of the index, so they find candidates; what is done to one of
/// them is decided by a script on its document.
namespace LockSearch
{

/// A page with the longest metadata must stay below what the transport takes as one answer.
inline constexpr std::size_t pageAtMost = 500;
/// Engines count seconds back from now in 32 bits.
inline constexpr Milliseconds longestRetention{2'000'000'000'000};

std::string path(const std::string& index);

/// Live locks with this prefix, by name, after this one; each hit has the engine's clock as a field.
std::string live(const std::string& prefix, const std::string& after, std::size_t size);

/// The names of dead locks that may be old enough to be forgotten. Those with the least fence first: a fence that lies ahead of the
/// clock keeps its record, and must not keep a page from the others.
std::string dead(Milliseconds retention, std::size_t size);

} // namespace LockSearch

} // namespace Leasehold
