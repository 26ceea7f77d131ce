#include "RunObserver.h"

#include "Messages.h"
#include "TimeText.h"

namespace Leasehold::Tool
{

std::optional<LockRecord> RunObserver::holder() const
{
    const std::lock_guard guard(_mutex);
    return _holder;
}

std::optional<LossReason> RunObserver::loss() const
{
    const std::lock_guard guard(_mutex);
    return _loss;
}

void RunObserver::acquired(const std::string&, Fence, Elapsed)
{
    storeAnswered();
}

void RunObserver::held(const std::string&, const LockRecord&)
{
    storeAnswered();
}

void RunObserver::storeUnavailable(const std::string& name, const std::string& why, Elapsed)
{
    if (!_away)
        Messages::say("the store does not answer while lock \"" + name + "\" is waited for: " + why +
                      "; the wait goes on, and it is asked again");
    _away = true;
}

void RunObserver::storeAnswered()
{
    if (_away)
        Messages::say("the store answers again");
    _away = false;
}

void RunObserver::waited(const std::string&, const LockRecord& holder, Elapsed)
{
    storeAnswered();
    {
        const std::lock_guard guard(_mutex);
        _holder = holder;
    }
    _wakeup.wake();
}

void RunObserver::renewed(const std::string& name, Fence, Elapsed)
{
    if (_troubled)
        Messages::say("lock \"" + name + "\" was renewed again");
    _troubled = false;
    _wakeup.wake();
}

void RunObserver::renewalFailed(const std::string& name, Fence, const std::string& why, Milliseconds leftOfTheLease)
{
    if (_commandEnded)
        return;
    if (!_troubled)
        Messages::say("lock \"" + name + "\" could not be renewed: " + why + "; " + secondsText(leftOfTheLease) +
                      " of its lease are left, and it is tried again");
    _troubled = true;
}

void RunObserver::lost(const std::string&, Fence, LossReason reason)
{
    {
        const std::lock_guard guard(_mutex);
        _loss = reason;
    }
    _wakeup.wake();
}

void RunObserver::releaseFailed(const std::string& name, Fence, const std::string& why)
{
    Messages::say("lock \"" + name + "\" could not be released: " + why + "; its lease ends by itself");
}

} // namespace Leasehold::Tool
