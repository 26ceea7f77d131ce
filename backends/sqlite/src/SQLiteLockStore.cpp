#include "Leasehold/SQLiteLockStore.h"

#include "Leasehold/Exceptions.h"
#include "StoreFile.h"
#include "storePath.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace Leasehold
{
namespace
{

using Commit = StoreFile::Commit;

constexpr std::size_t renewalsPerTransaction = 1000;
constexpr std::size_t prunedPerCall = 1000;

SQLiteOptions checked(SQLiteOptions options)
{
    const auto problem = problemOfStorePath(options.path);
    if (!problem.empty())
        throw LockConfigurationError("the sqlite store's path is \"" + options.path + "\": " + problem);
    options.path = absoluteStorePath(options.path);
    return options;
}

/// Says in front of every message what was wanted.
template <typename Work>
auto naming(const char* verb, const std::string& name, Work work)
{
    const auto prefix = [&] { return std::string("lock \"") + name + "\" was not " + verb + ": "; };
    try
    {
        return work();
    }
    catch (const LockStoreUnavailable& unavailable)
    {
        throw LockStoreUnavailable(prefix() + unavailable.message());
    }
    catch (const LockStoreError& error)
    {
        throw LockStoreError(prefix() + error.message());
    }
}

} // namespace

SQLiteLockStore::SQLiteLockStore(SQLiteOptions options) :
    _durability(options.durability), _file(std::make_unique<StoreFile>(checked(std::move(options))))
{
}

SQLiteLockStore::~SQLiteLockStore() = default;

StoreInfo SQLiteLockStore::info() const
{
    return {.type = "sqlite",
            .location = _file->path(),
            .durable = _durability == SQLiteDurability::full,
            .sharedAcrossHosts = false,
            .ttlGranularity = Milliseconds(1),
            .clockUncertainty = Milliseconds(1), // expiry is judged in whole milliseconds
            .sparesFences = true};
}

void SQLiteLockStore::prepare(const CallContext& context)
{
    _file->makeReady(context);
}

AcquireReply SQLiteLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    return naming("acquired", request.name,
                  [&]
                  {
                      AcquireReply reply;
                      _file->write(context, 1,
                                   [&](LockTable& table, const HostNow& now)
                                   {
                                       _file->requireGrantsAllowed(now);
                                       _file->noteTtl(request.ttl);
                                       reply = table.acquire(request, now);
                                       const bool granted = reply.status == AcquireStatus::granted;
                                       return granted && _durability == SQLiteDurability::full ? Commit::durable : Commit::quick;
                                   });
                      return reply;
                  });
}

std::vector<RenewReply> SQLiteLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    std::vector<RenewReply> replies;
    replies.reserve(requests.size());
    while (replies.size() < requests.size())
    {
        const auto done = replies.size();
        const auto part = requests.subspan(done, std::min(renewalsPerTransaction, requests.size() - done));
        try
        {
            _file->write(context, part.size(),
                         [&](LockTable& table, const HostNow& now)
                         {
                             replies.resize(done);
                             for (const auto& request : part)
                             {
                                 _file->noteTtl(request.ttl);
                                 replies.push_back(table.renew(request, now));
                             }
                             return Commit::quick;
                         });
        }
        catch (const FileVanished&)
        {
            replies.assign(requests.size(), {.status = RenewStatus::lost}); // those of earlier parts were in the same file
        }
        catch (const LockStoreError& error)
        {
            if (done == 0)
                throw;
            const bool worthAnotherTry = dynamic_cast<const LockStoreUnavailable*>(&error) != nullptr;
            replies.resize(done);
            replies.resize(requests.size(),
                           {.status = worthAnotherTry ? RenewStatus::unavailable : RenewStatus::failed, .reason = error.message()});
        }
    }
    return replies;
}

ReleaseStatus SQLiteLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    return naming("released", lease.name,
                  [&]
                  {
                      auto status = ReleaseStatus::notHeld;
                      _file->write(context, 1,
                                   [&](LockTable& table, const HostNow& now)
                                   {
                                       status = table.release(lease, now);
                                       return Commit::quick;
                                   });
                      return status;
                  });
}

std::optional<LockRecord> SQLiteLockStore::find(const std::string& name, const CallContext& context)
{
    return naming("found out about", name,
                  [&]
                  {
                      std::optional<LockRecord> found;
                      _file->read(context,
                                  [&](LockTable& table, const HostNow& now)
                                  {
                                      found = table.find(name, now);
                                      return Commit::quick;
                                  });
                      return found;
                  });
}

std::vector<LockRecord> SQLiteLockStore::list(const ListQuery& query, const CallContext& context)
{
    std::vector<LockRecord> page;
    _file->read(context,
                [&](LockTable& table, const HostNow& now)
                {
                    page = table.list(query, now);
                    return Commit::quick;
                });
    return page;
}

bool SQLiteLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    return naming("broken", name,
                  [&]
                  {
                      bool broken = false;
                      _file->write(context, 1,
                                   [&](LockTable& table, const HostNow& now)
                                   {
                                       broken = table.breakLock(name, expected, mode, now);
                                       return Commit::quick;
                                   });
                      return broken;
                  });
}

std::size_t SQLiteLockStore::prune(Milliseconds retention, const CallContext& context)
{
    // The search goes through the whole table, so it is done while others may write; each find is judged again afterwards.
    std::vector<std::string> names;
    _file->read(context,
                [&](LockTable& table, const HostNow& now)
                {
                    names = table.forgettable(retention, prunedPerCall, now);
                    return Commit::quick;
                });
    if (names.empty())
        return 0;
    std::size_t forgotten = 0;
    _file->write(context, names.size(),
                 [&](LockTable& table, const HostNow& now)
                 {
                     forgotten = 0;
                     for (const auto& name : names)
                         forgotten += table.forget(name, retention, now) ? 1 : 0;
                     return Commit::quick;
                 });
    return forgotten;
}

std::string SQLiteLockStore::engine(const CallContext&)
{
    return std::string("SQLite ") + ::sqlite3_libversion();
}

} // namespace Leasehold
