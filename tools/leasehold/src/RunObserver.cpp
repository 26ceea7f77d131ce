#include "RunObserver.h"

#include "LocalTimeText.h"
#include "Messages.h"

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

void RunObserver::waited(const std::string&, const LockRecord& holder, Elapsed)
{
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
