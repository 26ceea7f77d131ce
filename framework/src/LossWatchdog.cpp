#include "LossWatchdog.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{

LossWatchdog::LossWatchdog(std::shared_ptr<const Clock> clock, LeaseTable& table, LossNotifier& notifier) :
    _clock(std::move(clock)), _table(table), _notifier(notifier), _waiter(_clock->makeWaiter())
{
}

void LossWatchdog::start()
{
    _thread = std::jthread([this](const std::stop_token& stopping) { run(stopping); });
}

void LossWatchdog::stop()
{
    _thread.request_stop();
    _waiter->wake();
    if (_thread.joinable())
        _thread.join();
}

void LossWatchdog::run(const std::stop_token& stopping)
{
    while (!stopping.stop_requested())
    {
        _waiter->waitUntil(std::min(_table.planWatchdog(), _notifier.relieveAt()));
        const auto now = _clock->now();
        if (auto ended = _table.takeEnded(now); !ended.empty())
            _notifier.lost(std::move(ended));
        _notifier.relieve(now);
    }
}

} // namespace Leasehold
