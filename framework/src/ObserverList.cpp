#include "ObserverList.h"

namespace Leasehold
{

void ObserverList::complain(const LockObserver& culprit, const char* what) const noexcept
{
    for (const auto& observer : _observers)
    {
        if (observer.get() == &culprit)
            continue;
        try
        {
            observer->callbackMisbehaved(std::string("an observer threw: ") + what);
        }
        catch (...) // NOLINT(bugprone-empty-catch): there is nobody left to tell
        {
        }
    }
}

} // namespace Leasehold
