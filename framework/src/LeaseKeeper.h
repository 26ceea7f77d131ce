#pragma once

#include "LeaseTable.h"
#include "LossNotifier.h"
#include "LossWatchdog.h"
#include "StoreCalls.h"

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

    void start();

    /// Makes it plan its sleep again. Any thread.
    void wake() noexcept { _waiter->wake(); }

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

    void run(const std::stop_token& stopping);
    void renewDue();
    bool renewChunk(std::span<const std::shared_ptr<Lease>> chunk, LocalTime batchStart);
    void judge(std::span<const std::shared_ptr<Lease>> chunk, const std::vector<RenewReply>& replies, LocalTime requested,
               LocalTime batchStart);
    void layOneGhost();

    StoreCalls& _calls;
    const Clock& _clock;
    const RetryPolicy& _retry;
    LeaseTable& _table;
    LossWatchdog& _watchdog;
    LossNotifier& _notifier;
    const std::unique_ptr<Clock::Waiter> _waiter;
    std::mutex _ghostMutex;
    std::deque<Ghost> _ghosts;
    std::jthread _thread;
};

} // namespace Leasehold
