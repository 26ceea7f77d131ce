#pragma once

#include "Leasehold/Durations.h"

#include <cstddef>
#include <string>

namespace Leasehold::Elasticsearch
{

/// The searches of the store. A search sees the documents of the last refresh, so it finds only candidates. A script on the document
/// decides about each candidate.
namespace LockSearch
{

/// A page of records with the longest metadata must be smaller than the transport's limit of one answer.
inline constexpr std::size_t pageAtMost = 500;
/// Engines store the seconds of "now-Ns" in 32 bits.
inline constexpr Milliseconds longestRetention{2'000'000'000'000};

std::string path(const std::string& index);

/// Live locks with this prefix, sorted by name, after `after`. Each hit has the engine's clock as a field.
std::string live(const std::string& prefix, const std::string& after, std::size_t size);

/// The names of dead locks that may be old enough to be forgotten, the smallest fence first. A record whose fence is ahead of the clock
/// stays, so such records must not fill the pages.
std::string dead(Milliseconds retention, std::size_t size);

} // namespace LockSearch

} // namespace Leasehold::Elasticsearch
