#pragma once

#include "LeaseTable.h"
#include "LossNotifier.h"
#include "LossWatchdog.h"
#include "StoreCalls.h"

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace Leasehold
{

/// The thread that renews. It wakes for the earliest due renewal, takes along what comes due soon, and sends it in chunks, most
/// urgent first. Trouble with the store never ends it: what could not be renewed is tried again until the lease ends.
class LeaseKeeper
{
public:
    /// The most renewals in one call to the store. Greater ones are no faster, and one slow answer would delay more leases.
    static constexpr std::size_t chunkSize = 1000;

    LeaseKeeper(StoreCalls& calls, const RetryPolicy& retry, LeaseTable& table, LossWatchdog& watchdog, LossNotifier& notifier);
    ~LeaseKeeper() { stop(); }
    LeaseKeeper(const LeaseKeeper&) = delete;
    LeaseKeeper& operator=(const LeaseKeeper&) = delete;

    /// Throws std::system_error if there is no thread left. Nothing if it runs.
    void start();

    /// A renewal is due earlier than the thread planned: it plans again, and lets a ghost lie for it. Any thread.
    void wake();

    /// Tries once, when no renewal is due, to release what an acquire that ended unknown may have left behind. Such a ghost ends
    /// by itself one ttl after it arrived. Any thread.
    void layGhost(std::string name, std::string token);

    /// Ends the thread; the store's call that is under way must have been cancelled.
    void stop();

private:
    struct Ghost
    {
        std::string name, token;
    };
    enum class Answer
    {
        came,
        refused, ///< the store is there, and failed for this chunk
        missing  ///< the store is away
    };

    void run();
    void renewDue();
    Answer renewChunk(std::span<const std::shared_ptr<Lease>> chunk, LocalTime batchStart);
    void fillRequests(std::span<const std::shared_ptr<Lease>> chunk);
    void judge(std::span<const std::shared_ptr<Lease>> chunk, const std::vector<RenewReply>& replies, LocalTime requested,
               LocalTime batchStart);
    LocalTime nextTry(std::span<const std::shared_ptr<Lease>> leases) const;
    void layOneGhost();
    void release(const Ghost& ghost, const CallContext& context);

    StoreCalls& _calls;
    const Clock& _clock;
    const RetryPolicy& _retry;
    LeaseTable& _table;
    LossWatchdog& _watchdog;
    LossNotifier& _notifier;
    const std::unique_ptr<Clock::Waiter> _waiter;
    std::vector<RenewRequest> _requests; // of the thread alone; kept, so that a million renewals allocate nothing
    std::mutex _ghostMutex;
    std::deque<Ghost> _ghosts;
    std::stop_source _ghostCall{std::nostopstate}; // ends the call for a ghost that is under way
    std::atomic<bool> _stopping{false};
    std::thread _thread;
};

} // namespace Leasehold
