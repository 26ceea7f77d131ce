#include "LockWait.h"

#include "ExitStatus.h"
#include "Messages.h"
#include "TimeText.h"

#include "Leasehold/describeHolder.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

/// How long a store may take to notice the cancellation. Then this program ends without its answer.
constexpr Milliseconds cancelTimeout{500};
constexpr Milliseconds countdownStep{1000};

int pollTimeout(LocalTime until)
{
    if (until == LocalTime::max())
        return -1;
    const auto left = std::chrono::ceil<Milliseconds>(until - LocalClock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 60'000));
}

void refuseOurCallers(const std::optional<LockRecord>& holder, const std::vector<Fence>& callersFences)
{
    if (holder && std::find(callersFences.begin(), callersFences.end(), holder->fence) != callersFences.end())
        throw HeldByCaller{*holder};
}

} // namespace

LockAttempt LockWait::acquire(LockManagerService& service, const std::string& name, LockOptions options,
                              const std::vector<Fence>& callersFences)
{
    _giveUp = later(LocalClock::now(), options.wait.value_or(service.policy().wait.limit));
    _countsDown = !_quiet && ::isatty(STDERR_FILENO) != 0;
    options.cancel = _cancel.get_token();

    std::optional<LockAttempt> attempt;
    std::exception_ptr trouble;
    std::atomic<bool> done{false};
    std::thread asking(
        [&]
        {
            try
            {
                if (!callersFences.empty())
                    refuseOurCallers(service.find(name), callersFences);
                attempt.emplace(service.tryAcquire(name, options));
            }
            catch (...)
            {
                trouble = std::current_exception();
            }
            done = true;
            _wakeup.wake();
        });
    while (!done)
    {
        auto until = _abandonAt;
        if (_announced && _countsDown)
            until = std::min(until, LocalClock::now() + countdownStep);
        pollfd ready[] = {{_wakeup.descriptor(), POLLIN, 0}, {_inbox.descriptor(), POLLIN, 0}};
        ::poll(ready, 2, pollTimeout(until));
        _wakeup.clear();
        takeSignals();
        announce(name, options);
        if (_endedBy && !done && LocalClock::now() >= _abandonAt)
        {
            // The store hangs and ignores the cancellation. If it still grants the lock, that lease expires.
            ::_exit(exitSignal + _endedBy->number);
        }
    }
    asking.join();
    if (_announced && _countsDown)
        Messages::showCountdown("");
    if (trouble)
        std::rethrow_exception(trouble);
    return std::move(*attempt);
}

void LockWait::announce(const std::string& name, const LockOptions& options)
{
    const auto holder = _observer.holder();
    if (!holder)
        return;
    if (!_announced)
    {
        _announced = true;
        _status.waiting(*holder);
        const bool endless = _giveUp == LocalTime::max();
        if (!_quiet)
            Messages::say("waiting for lock \"" + name + "\", " + describeHolder(*holder) +
                          (endless ? "" : "; gives up after " + formatDuration(options.wait.value_or(Milliseconds{0}))));
    }
    if (_countsDown && !_endedBy)
        countDown();
}

void LockWait::countDown()
{
    if (_giveUp == LocalTime::max())
        return;
    const auto left = std::max(std::chrono::ceil<std::chrono::seconds>(_giveUp - LocalClock::now()), std::chrono::seconds{0});
    Messages::showCountdown("leasehold: waiting, " + secondsText(left) + " left");
}

void LockWait::takeSignals()
{
    while (const auto signal = _inbox.next())
    {
        switch (signal->number)
        {
        case SIGTSTP:
            SignalInbox::stopOurGroup(SIGTSTP);
            break;
        case SIGCONT:
        case SIGWINCH:
            break; // there is no command yet
        default:
            if (_endedBy)
                break;
            _endedBy = signal;
            _abandonAt = LocalClock::now() + cancelTimeout;
            _cancel.request_stop();
        }
    }
}

} // namespace Leasehold::Tool
