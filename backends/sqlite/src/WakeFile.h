#pragma once

#include "Leasehold/Store/ReleaseFeed.h"

#include <memory>
#include <string>

namespace Leasehold
{

/// The empty file `-wake` beside the database, by which a release wakes the waiters of other processes. The first waiter creates it, and
/// waiters watch it by inotify. A release that another process waits for touches it; other releases do not.
namespace WakeFile
{

/// Wakes the waiters of all locks of the file. Best effort, because waiters also poll.
void touch(const std::string& database) noexcept;

/// See LockStore::releaseFeed. nullptr where there is no inotify.
std::unique_ptr<ReleaseFeed> makeFeed(const std::string& database, ReleaseSink& sink);

} // namespace WakeFile

} // namespace Leasehold
