#pragma once

#include "Baton.h"
#include "Leasehold/Clock.h"
#include "Leasehold/Durations.h"
#include "Leasehold/LockRecord.h"

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace Leasehold
{

/// The threads of this process that wait for a taken lock, a line for each name. Only the first of a line asks the store, so a
/// process sends one poll however many of its threads wait. A lock that is released in this process is handed over: the first is
/// invited to ask at once. Thread-safe.
///
/// Within a line it is first come, first served. Other processes only see the lock when they happen to poll while it is free, so a
/// process that handed a lock over among its threads for ever would starve them. Therefore it lets the lock lie free for a while
/// after each *turn*: a tenth of how long the process has had it, at most 2 s.
///
/// A lease with fences to spare need not even be given back in between: the first gets it as it is (see Baton).
class WaitLines
{
public:
    /// Within a turn the lock is handed over at once.
    static constexpr Milliseconds turn{500};
    static constexpr Milliseconds longestRest{2000};

    /// To ask for the lock now, or when the process has rested.
    struct Invitation
    {
        LocalTime askAt{};
        std::optional<LocalTime> turnBegan{}; ///< the turn that a grant would go on with; nullopt: it would begin a new one
    };

    /// A place in the line of one name, for as long as it lives. Used by one thread.
    class Place
    {
    public:
        /// `wish`: what it would be granted; nullptr: it takes no lease from another.
        Place(WaitLines& lines, const std::string& name, const Clock& clock, const AcquireRequest* wish = nullptr);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        bool isFirst() const;
        std::size_t behind() const;

        /// Until `until`, or until something happened that is worth a look at the line, or wake().
        void wait(LocalTime until) { _waiter->waitUntil(until); }
        void wake() noexcept { _waiter->wake(); }

        /// Of the first: the invitation that it has not taken yet.
        std::optional<Invitation> invitation() const;
        std::optional<Invitation> takeInvitation();

        /// Of the first: the lease that was handed to it. It may have got old, or been meant for another who has left.
        std::optional<Baton> takeBaton();

        /// Who holds the lock, as the first of the line was told last; shared with those behind it.
        void setHolder(const LockRecord& holder);
        std::optional<LockRecord> holder() const;

    private:
        friend class WaitLines;
        WaitLines& _lines;
        const std::string _name;
        const AcquireRequest* const _wish;
        const std::unique_ptr<Clock::Waiter> _waiter;
    };

    /// `giveBack` is called, on the thread that leaves a line as its last, with a lease that nobody has taken. It must not throw.
    explicit WaitLines(std::function<void(const Baton&)> giveBack = {}) : _giveBack(std::move(giveBack)) {}

    /// Whether somebody waits for this name.
    bool exists(const std::string& name) const;

    /// This name may be free at `now`: invites the first of its line. `turnBegan`: since when this process has had the lock,
    /// hand-overs included.
    void mayBeFree(const std::string& name, LocalTime now, std::optional<LocalTime> turnBegan);

    /// Hands a lease to the first of its line, within a turn. False: it is not for them, and must be given back.
    bool handOver(const Baton& baton, LocalTime now);

private:
    struct Line
    {
        std::deque<Place*> places;
        std::optional<LockRecord> holder;
        std::optional<Invitation> invitation;
        std::optional<Baton> baton;
    };

    Line& lineOf(const Place& place) { return _lines.find(place._name)->second; }

    const std::function<void(const Baton&)> _giveBack;
    mutable std::mutex _mutex;
    std::map<std::string, Line, std::less<>> _lines;
    std::atomic<std::size_t> _waiting{0}; // so that a release without waiters costs one load
};

} // namespace Leasehold
