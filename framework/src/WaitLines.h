#pragma once

#include "LeaseHandoff.h"
#include "Leasehold/Durations.h"
#include "Leasehold/LockRecord.h"
#include "Leasehold/TimeSource.h"

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

/// The threads of this process that wait for locks, in one line per name, first come, first served. Only the first of a line asks the
/// store, so a process sends one poll for all its threads. When this process releases the lock, or the store says that it may be
/// free, the first is invited to ask at once. Thread-safe.
///
/// Another process that polls would starve beside a process that acquires the lock in a loop. Therefore a process *rests* after a release
/// that another process waits for: its threads do not ask for a tenth of the time that the process has had the lock, 10 to 500 ms. This
/// time counts from when no other process got it in between. If the store does not tell who waits, it rests after each *turn* of
/// hand-overs.
///
/// A lease with reserved fences is not released but handed to the first thread that is not asking the store (LeaseHandoff).
class WaitLines
{
public:
    /// How long a lock is handed over inside the process at most.
    static constexpr Milliseconds turn{500};
    static constexpr Milliseconds shortestRest{10}; // after a release that another process waits for
    static constexpr Milliseconds longestRest{500};

    /// Whether other processes wait, as the storage says when it frees a lock.
    enum class Others
    {
        unknown, ///< this store does not tell
        absent,
        waiting
    };

    /// One request reserves fences for at most so many threads.
    static constexpr Fence maxReservedFences = 64;

    /// The store has not answered since `since`.
    struct Outage
    {
        LocalTime since{};
        std::string why{};
    };

    /// The answer to the last request of a line, for all threads that wait in it.
    struct News
    {
        std::optional<LockRecord> holder{};
        LocalTime heldUntil{}; ///< the holder's lease ends then, unless it is renewed
        bool isOurs = false;   ///< this process was the holder when the store answered; also while it hands the lease on
        std::optional<Outage> outage{};

        bool tellsHolder(LocalTime now) const { return holder && !outage && now < heldUntil; }
    };

    /// One request to the store.
    struct Question
    {
        std::optional<LocalTime> turnBegan{}; ///< a grant continues this turn; nullopt: it begins a new one
        Fence reservedFences = 0;             ///< one for each thread behind that wants the same lease
        bool isNoted = false;                 ///< the storage has a note that this process waits
        bool afterOwnRelease = false;         ///< this process has just released the lock, so it does not wait for another process
    };

    /// A place in the line of one name; its destructor leaves the line. Used by one thread.
    class Place
    {
    public:
        /// `wish`: the wanted lease; nullptr: no lease is handed to this place.
        Place(WaitLines& lines, const std::string& name, const TimeSource& clock, const AcquireRequest* wish = nullptr);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        bool isFirst() const;

        /// Waits until `until`, wake(), or a change in the line.
        void wait(LocalTime until) { _waiter->waitUntil(until); }
        void wake() noexcept { _waiter->wake(); }

        /// The time of the next request of the first in line, if its next poll is due at `pollAt`.
        LocalTime askAt(LocalTime pollAt) const;

        /// Consumes the invitation. No lease is handed to this place until endQuestion. nullopt: a lease was handed to it meanwhile.
        std::optional<Question> beginQuestion(LocalTime now);
        void endQuestion();

        /// Takes the lease that was handed to this place, perhaps a while ago; nullopt: none.
        std::optional<LeaseHandoff> takeHandoff();

        /// Call it when the storage has granted the lock to this place: a lease that was handed to another place meanwhile has ended. It is
        /// not handed on any more, and the caller must tell its holder.
        std::optional<LeaseRef> endHandedLease();

        /// Asks for a watch of the name, because another process holds the lock.
        void wantWatch();

        /// Whether the watch of the name is confirmed: then the store tells when the lock may be free.
        bool isWatched() const;

        /// The store answered at `heard` who holds the lock. True: the answer before told another holder.
        bool setHolder(const LockRecord& holder, LocalTime heard);

        /// The holder that was told is this process.
        void setOurs();

        /// The storage has, or no longer has, a note that this process waits.
        void setNoted(bool noted);

        /// The store did not answer.
        void setOutage(const Outage& outage);
        News news() const;

    private:
        friend class WaitLines;
        WaitLines& _lines;
        const std::string _name;
        const AcquireRequest* const _wish;
        const std::unique_ptr<TimeSource::Waiter> _waiter;
        bool _asks = false;                     // this and the members below are guarded by the mutex of the lines
        std::optional<LeaseHandoff> _handoff{}; // not taken yet
    };

    /// A thread that leaves its line without taking the lease handed to it calls `giveBack` with this lease. `giveBack` must not throw.
    explicit WaitLines(std::function<void(const LeaseHandoff&)> giveBack = {}) : _giveBack(std::move(giveBack)) {}

    /// This process has released the lock: invites the first of its line, or the next thread that wants it, to ask at once or after a rest.
    /// `turnBegan`: since when this process has had the lock, hand-overs included.
    void released(const std::string& name, LocalTime now, LocalTime turnBegan, Others others);

    /// The lock may be free at `at`: invites the first of its line to ask then. Its polling goes on. Does not end a rest.
    void invite(const std::string& name, LocalTime at);

    /// Hands a lease to the first of its line that is not asking the store, within a turn. False: that thread wants another lease, there is
    /// none, or the turn is over, so the lease must be released.
    bool handOver(const LeaseHandoff& handoff, LocalTime now);

    /// The storage no longer holds this lease for us, so it is not handed on any more. `fence`: the fence in the storage.
    void dropHandoffs(const std::string& name, Fence fence);

    /// Whether a thread of this line waits for another process.
    bool wantsWatch(const std::string& name) const;

    /// From now on the store tells when this lock may be free: invites the first of its line.
    void confirmWatch(const std::string& name, LocalTime now);

    /// The store sends no more events: wakes the threads that relied on them.
    void endWatches();

private:
    /// Tells a thread to ask for the lock at `askAt` if its next poll is later.
    struct Invitation
    {
        LocalTime askAt{};
        std::optional<LocalTime> turnBegan{};
        bool rests = true; // the thread must not ask before `askAt`
        bool afterOwnRelease = true;
    };

    struct Line
    {
        std::deque<Place*> places;
        std::optional<Invitation> invitation;
        std::optional<LeaseRef> handed; // the lease that was handed on, and not released since
        News news;
        bool wantsWatch = false, isWatched = false, isNoted = false;
    };

    static void invite(Line& line, LocalTime at);
    void rest(const std::string& name, const Invitation& invitation, LocalTime now);
    void forgetRest(const std::string& name);
    Line& lineOf(const Place& place) { return _lines.find(place._name)->second; }
    static bool give(Line& line, const LeaseHandoff& handoff);
    static Fence fencesFor(const Line& line, const Place& asking);

    const std::function<void(const LeaseHandoff&)> _giveBack;
    mutable std::mutex _mutex;
    std::map<std::string, Line, std::less<>> _lines;
    std::map<std::string, Invitation> _rests; // of names that no thread of this process waits for
    std::size_t _pruneRestsAt = 64;
    std::atomic<std::size_t> _waiting{0}; // the number of places and rests, so that a release without either costs one load
};

} // namespace Leasehold
