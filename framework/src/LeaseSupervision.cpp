#include "LeaseSupervision.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace Leasehold
{

LeaseSupervision::LeaseSupervision(StoreCalls& calls, const LockPolicy& policy, std::shared_ptr<const ObserverList> observers,
                                   std::function<void(const Orphan&, const ReleaseReply&)> onFreed) :
    _calls(calls),
    _policy(policy), _table([this] { _keeper.wake(); }, [this] { _watchdog.wake(); }), _notifier(calls.clock(), std::move(observers)),
    _watchdog(calls.clock(), _table, _notifier), _keeper(calls, policy, _table, _watchdog, _notifier, std::move(onFreed))
{
}

void LeaseSupervision::start(const std::function<void()>& whenStarted)
{
    const std::lock_guard guard(_starting);
    if (_stopped)
        throw LockStoreUnavailable("the LockManagerService was stopped");
    if (_started.load(std::memory_order_relaxed))
        return;
    try
    {
        _notifier.start();
        _watchdog.start();
        _keeper.start();
    }
    catch (const std::system_error& error)
    {
        throw LockException(std::string("cannot start the threads that keep leases: ") + error.what() + "; raise the limit of threads");
    }
    whenStarted();
    _started.store(true, std::memory_order_release);
}

void LeaseSupervision::stop(const std::function<void()>& beforeTheEnd) noexcept
{
    const std::lock_guard guard(_starting);
    if (std::exchange(_stopped, true))
        return;
    const auto began = std::chrono::steady_clock::now();
    beforeTheEnd();
    auto ended = _table.close();
    for (const auto& lease : ended)
        lease->outliveService(_calls.sharedStore());
    report(std::move(ended));
    _keeper.stop();
    const auto took = std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - began);
    _notifier.stop(std::max(_policy.lease.effectiveCallTimeout() - took, Milliseconds{0}));
    _watchdog.stop(); // last: until then it replaces notifier threads whose callbacks block
}

void LeaseSupervision::report(LeaseTable::Leases lost)
{
    if (lost.empty())
        return;
    _notifier.lost(std::move(lost));
    _watchdog.wake(); // it replaces the notifier's thread if a callback blocks
}

} // namespace Leasehold
