#pragma once

#include "Leasehold/Store/ReleaseFeed.h"

#include <atomic>

namespace Leasehold
{

/// Counts what a feed tells.
struct FeedCounts : ReleaseSink
{
    void watching(const std::string&) override { ++confirmed; }
    void mayBeFree(const std::string&) override { ++free; }
    void lost(std::span<const LeaseRef>) override {}
    void deaf(const std::string&) override { ++timesDeaf; }
    std::atomic<int> confirmed{0}, free{0}, timesDeaf{0};
};

} // namespace Leasehold
