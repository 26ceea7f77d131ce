#include "ForkHandlers.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <mutex>
#include <pthread.h>
#include <vector>

namespace Leasehold
{
namespace
{

struct Watch
{
    std::mutex mutex;
    std::vector<ForkHandlers::Member*> members;
    std::vector<FileId> inherited;
};

Watch& watch()
{
    static auto* const one = new Watch; // never destroyed, because a fork may happen while the process exits
    return *one;
}

extern "C" void leaseholdSqliteBeforeFork()
{
    watch().mutex.lock();
    for (auto* member : watch().members)
        member->beforeFork();
}

extern "C" void leaseholdSqliteInParent()
{
    for (auto* member : watch().members)
        member->afterFork();
    watch().mutex.unlock();
}

extern "C" void leaseholdSqliteInChild()
{
    for (auto* member : watch().members)
    {
        if (const auto file = member->openFile())
            watch().inherited.push_back(*file);
        member->afterFork();
    }
    watch().members.clear();
    watch().mutex.unlock();
}

} // namespace

void ForkHandlers::add(Member& member)
{
    static const int registered = ::pthread_atfork(&leaseholdSqliteBeforeFork, &leaseholdSqliteInParent, &leaseholdSqliteInChild);
    if (registered != 0)
        throw LockException("the sqlite store cannot register its fork handlers (pthread_atfork): out of memory");
    const std::lock_guard lock(watch().mutex);
    watch().members.push_back(&member);
}

void ForkHandlers::remove(Member& member)
{
    const std::lock_guard lock(watch().mutex);
    std::erase(watch().members, &member);
}

void ForkHandlers::requireNotInherited(const FileId& file, const std::string& path)
{
    const std::lock_guard lock(watch().mutex);
    if (std::find(watch().inherited.begin(), watch().inherited.end(), file) != watch().inherited.end())
        throw LockStoreError("sqlite store " + path +
                             ": a thread of the parent process was using the file when this process was forked, so SQLite's state in this "
                             "process cannot be trusted; use the store in a program that is started with exec");
}

} // namespace Leasehold
