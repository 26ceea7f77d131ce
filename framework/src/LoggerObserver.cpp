#include "Leasehold/LoggerObserver.h"

#include <Poco/Logger.h>

namespace Leasehold
{
namespace
{

std::string lockText(const std::string& name, Fence fence)
{
    return "lock \"" + name + "\" (fence " + std::to_string(fence) + ")";
}

std::string tookText(LockObserver::Elapsed took)
{
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(took).count()) + " us";
}

} // namespace

LoggerObserver::LoggerObserver(const std::string& loggerName) : _logger(Poco::Logger::get(loggerName)) {}

void LoggerObserver::storeOpened(const std::string& type, const std::string& location, const std::string& warning)
{
    if (_logger.information())
        _logger.information("locks are kept in the " + type + " store " + location);
    if (!warning.empty())
        _logger.warning(warning);
}

// Check the log level first: formatting a message that is not logged would cost more than the lock.

void LoggerObserver::acquired(const std::string& name, Fence fence, Elapsed took)
{
    if (_logger.debug())
        _logger.debug(lockText(name, fence) + " acquired in " + tookText(took));
}

void LoggerObserver::held(const std::string& name, const LockRecord& holder)
{
    if (_logger.debug())
        _logger.debug(lockText(name, holder.fence) + " is held by another; the lease ends in " + formatDuration(holder.remaining) +
                      " unless it is renewed");
}

void LoggerObserver::waited(const std::string& name, const LockRecord& holder, Elapsed soFar)
{
    if (_logger.debug())
        _logger.debug(lockText(name, holder.fence) + " is held by another; waiting for " + tookText(soFar) + " so far");
}

void LoggerObserver::storeUnavailable(const std::string& name, const std::string& why, Elapsed soFar)
{
    if (_logger.warning())
        _logger.warning("still waiting for lock \"" + name + "\", although its store has been unavailable for " + tookText(soFar) + ": " +
                        why);
}

void LoggerObserver::renewed(const std::string& name, Fence fence, Elapsed took)
{
    if (_logger.trace())
        _logger.trace(lockText(name, fence) + " renewed in " + tookText(took));
}

void LoggerObserver::renewalFailed(const std::string& name, Fence fence, const std::string& why, Milliseconds leftOfTheLease)
{
    if (_logger.warning())
        _logger.warning(lockText(name, fence) + " could not be renewed: " + why + "; " + formatDuration(leftOfTheLease) +
                        " of its lease are left");
}

void LoggerObserver::lost(const std::string& name, Fence fence, LossReason reason)
{
    if (_logger.error())
        _logger.error(lockText(name, fence) + " was lost: " + toString(reason));
}

void LoggerObserver::released(const std::string& name, Fence fence, Elapsed heldFor)
{
    if (_logger.debug())
        _logger.debug(lockText(name, fence) + " released after " + tookText(heldFor));
}

void LoggerObserver::releaseFailed(const std::string& name, Fence fence, const std::string& why)
{
    if (_logger.warning())
        _logger.warning(lockText(name, fence) + " could not be released: " + why + "; its lease ends by itself");
}

void LoggerObserver::callbackMisbehaved(const std::string& what)
{
    if (_logger.warning())
        _logger.warning("a callback of a lock misbehaved: " + what);
}

void LoggerObserver::pruneFailed(const std::string& why)
{
    if (_logger.warning())
        _logger.warning("old lock records could not be pruned: " + why + "; nothing depends on it");
}

void LoggerObserver::feedDeaf(const std::string& why)
{
    if (_logger.information())
        _logger.information("the store does not hear of released locks: " + why + "; waiters poll until it does");
}

} // namespace Leasehold
