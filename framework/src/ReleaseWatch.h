#pragma once

#include "Leasehold/Store/ReleaseFeed.h"
#include "Leasehold/TimeSource.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace Leasehold
{

class LeaseSupervision;
class LockStore;
class WaitLines;

/// If the store has a feed, watches the names that threads of this process wait for, and passes its events to the lines. Thread-safe.
class ReleaseWatch : private ReleaseSink
{
public:
    ReleaseWatch(const TimeSource& clock, WaitLines& lines, LeaseSupervision& leases) : _clock(clock), _lines(lines), _leases(leases) {}

    /// Opens the feed of the store. No event comes before.
    void open(LockStore& store);

    /// Closes the feed. No event comes after this returns.
    void close();

    /// Must be called when the line of this name has changed: begins to watch the name if a thread of the line wants it, else stops.
    void follow(const std::string& name);

private:
    void watching(const std::string& name) override;
    void mayBeFree(const std::string& name) override;
    void lost(std::span<const LeaseRef> leases) override;
    void deaf(const std::string& why) override;

    const TimeSource& _clock;
    WaitLines& _lines;
    LeaseSupervision& _leases;
    std::atomic<bool> _isOpen{false};
    std::mutex _mutex; // the functions that the feed calls do not lock it
    std::unique_ptr<ReleaseFeed> _feed;
    std::set<std::string> _watched;
};

} // namespace Leasehold
