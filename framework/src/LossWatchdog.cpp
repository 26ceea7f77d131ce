#include "LossWatchdog.h"

#include "Leasehold/Store/ServiceThread.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{

LossWatchdog::LossWatchdog(std::shared_ptr<const TimeSource> clock, LeaseTable& table, LossNotifier& notifier) :
    _clock(std::move(clock)), _table(table), _notifier(notifier), _waiter(_clock->makeWaiter())
{
}

void LossWatchdog::start()
{
    if (!_thread.joinable())
        _thread = startServiceThread([this] { run(); });
}

void LossWatchdog::stop()
{
    _stopping = true;
    _waiter->wake();
    if (_thread.joinable())
        _thread.join();
}

void LossWatchdog::run()
{
    while (!_stopping)
    {
        _waiter->waitUntil(std::min(_table.planWatchdog(_clock->now()), _notifier.relieveAt()));
        const auto now = _clock->now();
        if (auto ended = _table.takeEnded(now); !ended.empty())
            _notifier.lost(std::move(ended));
        _notifier.relieve(now);
    }
}

} // namespace Leasehold
