#include "Leasehold/SQLiteLockStore.h"

#include "Leasehold/Exceptions.h"
#include "StoreFile.h"
#include "WakeFile.h"
#include "storePath.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace Leasehold
{
namespace
{

// A larger transaction would make the writers of other processes wait too long.
constexpr std::size_t stepsPerTransaction = 1000;
constexpr std::size_t prunedPerCall = 1000;

SQLiteOptions checked(SQLiteOptions options)
{
    const auto problem = problemOfStorePath(options.path);
    if (!problem.empty())
        throw LockConfigurationError("the sqlite store's path is \"" + options.path + "\": " + problem);
    options.path = absoluteStorePath(options.path);
    return options;
}

/// Puts the name of the lock and the failed verb in front of every message.
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

SQLiteLockStore::SQLiteLockStore(SQLiteOptions options) : SQLiteLockStore(checked(std::move(options)), Checked{}) {}

// SQLite allows one writing transaction at a time, and a transaction is short.
SQLiteLockStore::SQLiteLockStore(SQLiteOptions options, Checked) :
    BatchedLockStore("sqlite store " + options.path,
                     {.requests = 1, .steps = stepsPerTransaction, .hangsAfter = forever, .requestsEndSoon = true}),
    _durability(options.durability), _file(std::make_unique<StoreFile>(std::move(options), queue()))
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
            .clockUncertainty = Milliseconds(1), // the clock has whole milliseconds
            .reservesFences = true,
            .tellsWanted = true};
}

void SQLiteLockStore::prepare(const CallContext& context)
{
    _file->makeReady(context);
}

void SQLiteLockStore::carryOut(Batch& batch)
{
    try
    {
        _file->write(batch, [this](BatchStep& step, LockTable& table, const HostNow& now) { return judged(step, table, now); });
    }
    catch (const FileVanished& vanished)
    {
        for (auto* const step : batch.steps())
        {
            if (step->renewal())
                step->reply(RenewReply{.status = RenewStatus::lost});
            else
                step->fail(vanished);
        }
    }
}

std::optional<AcquireReply> SQLiteLockStore::judged(BatchStep& step, LockTable& table, const HostNow& now)
{
    if (const auto* const request = step.acquire())
    {
        _file->noteTtl(request->ttl);
        _file->requireGrantsAllowed(now);
        auto reply = table.acquire(*request, now);
        if (reply.status == AcquireStatus::granted && _durability == SQLiteDurability::full)
            return reply;
        step.reply(std::move(reply));
    }
    else if (const auto* const renewal = step.renewal())
    {
        _file->noteTtl(renewal->ttl);
        step.reply(table.renew(*renewal, now));
    }
    else
        step.reply(table.release(*step.release(), now));
    return std::nullopt;
}

ReleaseReply SQLiteLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    const auto reply = BatchedLockStore::release(lease, context);
    if (reply.wanted)
        WakeFile::touch(_file->path());
    return reply;
}

std::optional<LockRecord> SQLiteLockStore::find(const std::string& name, const CallContext& context)
{
    return naming("found out about", name,
                  [&]
                  {
                      std::optional<LockRecord> found;
                      _file->read(context, [&](LockTable& table, const HostNow& now) { found = table.find(name, now); });
                      return found;
                  });
}

std::vector<LockRecord> SQLiteLockStore::list(const ListQuery& query, const CallContext& context)
{
    std::vector<LockRecord> page;
    _file->read(context, [&](LockTable& table, const HostNow& now) { page = table.list(query, now); });
    return page;
}

bool SQLiteLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    return naming("broken", name,
                  [&]
                  {
                      bool broken = false;
                      _file->write(context,
                                   [&](LockTable& table, const HostNow& now) { broken = table.breakLock(name, expected, mode, now); });
                      if (broken && mode == BreakMode::now)
                          WakeFile::touch(_file->path());
                      return broken;
                  });
}

std::size_t SQLiteLockStore::prune(Milliseconds retention, const CallContext& context)
{
    // The search reads the whole table, so it runs outside a writing transaction. forget() judges each found record again.
    std::vector<std::string> names;
    _file->read(context, [&](LockTable& table, const HostNow& now) { names = table.forgettable(retention, prunedPerCall, now); });
    if (names.empty())
        return 0;
    std::size_t forgotten = 0;
    _file->write(context,
                 [&](LockTable& table, const HostNow& now)
                 {
                     forgotten = 0;
                     for (const auto& name : names)
                         forgotten += table.forget(name, retention, now) ? 1 : 0;
                 });
    return forgotten;
}

std::unique_ptr<ReleaseFeed> SQLiteLockStore::releaseFeed(ReleaseSink& sink)
{
    return WakeFile::makeFeed(_file->path(), sink);
}

std::string SQLiteLockStore::engine(const CallContext&)
{
    return std::string("SQLite ") + ::sqlite3_libversion();
}

} // namespace Leasehold
