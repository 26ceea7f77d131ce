#pragma once

#include "HostClock.h"
#include "Leasehold/Exceptions.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

class LockTable;
class Patience;

/// The calls of this process that want one connection: one leads, and takes those that wait along in its own transaction (group
/// commit). So one lock of the file and one wait for the disk serve many callers, while a caller alone pays for two uses of a mutex.
/// Thread-safe.
class CallQueue
{
public:
    /// When the disk must have what a step wrote.
    enum class Commit
    {
        quick,  ///< some time later: a power failure may undo it
        durable ///< before the call returns
    };

    /// One call's part of a transaction. It is run again if nothing of it was committed.
    using Step = std::function<Commit(LockTable&, const HostNow&)>;

    /// One call, on the stack of its thread.
    struct Call
    {
        const Step& step;
        const Patience& patience;
        std::size_t rows = 1; ///< how many it changes at most

        enum class State
        {
            waiting,
            running, ///< in the transaction of another call
            leads,
            done
        };
        State state = State::waiting; // under the queue's mutex, as what is below
        bool passedOver = false;      // a call that came later may lead before it: once
        std::unique_ptr<Poco::Exception> failure{};
        std::optional<std::condition_variable_any> changed{}; // made when it has to wait
        Commit commit = Commit::quick;                        // what its step asked for
    };

    /// The turn of the call that leads. When it ends, the next call leads; calls that were gathered and not answered queue again,
    /// in front.
    class Turn
    {
    public:
        Turn(CallQueue& queue, Call& own) : _queue(&queue), _calls{&own} {}
        ~Turn();
        Turn(Turn&& other) noexcept;
        Turn& operator=(Turn&&) = delete;

        /// Takes calls that wait into the transaction, until it changes `mostRows` rows.
        void gather(std::size_t mostRows);
        /// The leader's own call, which is first, and those that were gathered and not answered.
        const std::vector<Call*>& calls() const { return _calls; }
        /// Lets a gathered call return, or throw a copy of `failure`. It is gone then, and so is its part in `calls`.
        void answer(Call& call, const Poco::Exception* failure = nullptr);

    private:
        CallQueue* _queue;
        std::vector<Call*> _calls;
    };

    /// Waits until it is the call's turn; nullopt: it was done in the turn of another. Throws the failure of that, or
    /// LockStoreUnavailable when the patience ends before anything was begun; `path` names the store then.
    std::optional<Turn> enter(Call& call, const std::string& path);

    /// For a fork: no turn begins between the two. True: one is under way.
    bool holdForFork();
    void resumeAfterFork();

private:
    void change(Call& call, Call::State state);
    void passOn();
    void inviteFirst();
    bool mayLead(const Call& call) const;

    std::mutex _mutex;
    bool _led = false;
    std::deque<Call*> _waiting;
};

} // namespace Leasehold
