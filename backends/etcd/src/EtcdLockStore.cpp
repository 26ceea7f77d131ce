#include "Leasehold/EtcdLockStore.h"

#include "BatchRun.h"
#include "Engine.h"
#include "LockScan.h"
#include "StepOperations.h"
#include "WatchFeed.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>

namespace Leasehold
{

namespace
{

// The servers refuse leases under 1.5 times their election timeout, and count whole seconds.
constexpr Milliseconds shortestTtl = std::chrono::seconds{2};
constexpr Milliseconds wholeSecond = std::chrono::seconds{1};
// A request may have 1.5 MiB, of which base64 makes 2.
constexpr std::size_t bytesPerRequest = 1'000'000;
// Of the operations that a Txn may have, so many are those of the deepest step in it: its comparisons or operations on each level.
constexpr std::size_t operationsOfStep = 9;
// With authentication, each put on a lease checks the rights on all its keys, so few locks may share one.
constexpr std::size_t stepsOfUsers = 112;

std::size_t stepsPerTxn(const Etcd::Engine& engine)
{
    const auto steps = engine.maxTxnOps - operationsOfStep;
    return engine.gateway.hasUser() ? std::min(steps, stepsOfUsers) : steps;
}

} // namespace

EtcdLockStore::EtcdLockStore(const EtcdOptions& options, WallClock wall) :
    EtcdLockStore(std::make_unique<Etcd::Engine>(options, std::move(wall)), Delegated{})
{
}

EtcdLockStore::EtcdLockStore(std::unique_ptr<Etcd::Engine> engine, Delegated) :
    BatchedLockStore(engine->gateway.place(), {.steps = stepsPerTxn(*engine), .bytes = bytesPerRequest, .distinctNames = true}),
    _engine(std::move(engine))
{
}

EtcdLockStore::~EtcdLockStore()
{
    if (isForeign())
        ForkGuard::keepForever(std::move(_engine));
}

StoreInfo EtcdLockStore::info() const
{
    StoreInfo info;
    info.type = "etcd";
    info.location = _engine->gateway.addresses() + ", prefix " + _engine->gateway.prefix();
    info.durable = true;
    info.sharedAcrossHosts = true;
    info.minTtl = shortestTtl;
    info.maxTtl = Etcd::longestTtl;
    info.ttlGranularity = wholeSecond;
    info.reservesFences = true;
    info.tellsWanted = true;
    info.tellsTime = false;
    info.warning = _engine->warning();
    return info;
}

void EtcdLockStore::prepare(const CallContext& context)
{
    requireNative();
    _engine->prepare("prepare the storage", context);
    _engine->inspect(context);
}

void EtcdLockStore::prepareToRead(const CallContext& context)
{
    requireNative();
    _engine->look("look for locks", context);
    _engine->inspect(context);
}

std::string EtcdLockStore::encode(const BatchStep& step) const
{
    const auto& keys = _engine->keys;
    if (const auto* const request = step.acquire())
        return Etcd::acquireOperation(keys, *request, 0, _engine->now()).encoded();
    if (const auto* const renewal = step.renewal())
        return Etcd::renewOperation(keys, renewal->lease);
    return Etcd::releaseOperation(keys, *step.release(), _engine->now());
}

void EtcdLockStore::carryOut(Batch& batch)
{
    Etcd::BatchRun(*_engine, batch).run();
}

std::optional<LockRecord> EtcdLockStore::find(const std::string& name, const CallContext& context)
{
    requireNative();
    return _engine->find(name, context);
}

std::vector<LockRecord> EtcdLockStore::list(const ListQuery& query, const CallContext& context)
{
    requireNative();
    return Etcd::LockScan(*_engine, context).live(query);
}

bool EtcdLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    requireNative();
    return _engine->breakLock(name, expected, mode, context);
}

std::size_t EtcdLockStore::prune(Milliseconds retention, const CallContext& context)
{
    requireNative();
    return Etcd::LockScan(*_engine, context).forget(retention);
}

std::string EtcdLockStore::engine(const CallContext& context)
{
    requireNative();
    const auto version = _engine->gateway.version(context);
    _engine->gateway.visitOthers(context);
    return version ? "etcd " + *version : std::string();
}

std::unique_ptr<ReleaseFeed> EtcdLockStore::releaseFeed(ReleaseSink& sink)
{
    return Etcd::makeWatchFeed(_engine->gateway, _engine->keys, sink);
}

} // namespace Leasehold
