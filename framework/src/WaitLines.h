#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/LockRecord.h"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace Leasehold
{

/// The threads of this process that wait for a taken lock, a line for each name. Only the first of a line asks the store, so a
/// process sends one poll however many of its threads wait; when a lock is released in this process, the first is woken at
/// once. Thread-safe.
class WaitLines
{
public:
    /// A place in the line of one name, for as long as it lives. Used by one thread.
    class Place
    {
    public:
        Place(WaitLines& lines, const std::string& name, const Clock& clock);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        bool isFirst() const;

        /// Until `until`, or until something happened that makes another try worth while, or wake().
        void wait(LocalTime until) { _waiter->waitUntil(until); }
        void wake() noexcept { _waiter->wake(); }

        /// What the first of the line was told last; shared with those behind it.
        void setHolder(const LockRecord& holder);
        std::optional<LockRecord> holder() const;

    private:
        friend class WaitLines;
        WaitLines& _lines;
        const std::string _name;
        const std::unique_ptr<Clock::Waiter> _waiter;
    };

    /// Whether somebody waits for this name.
    bool exists(const std::string& name) const;

    /// This name may be free: wakes the first of its line.
    void mayBeFree(const std::string& name);

private:
    struct Line
    {
        std::deque<Place*> places;
        std::optional<LockRecord> holder;
    };

    mutable std::mutex _mutex;
    std::map<std::string, Line, std::less<>> _lines;
    std::atomic<std::size_t> _waiting{0}; // so that a release without waiters costs one load
};

} // namespace Leasehold
