#include "Engine.h"

#include "EtcdVersion.h"
#include "StepOperations.h"
#include "txnText.h"

#include "Leasehold/Exceptions.h"

#include <chrono>

namespace Leasehold::Etcd
{

namespace
{

// A cluster with so many revisions that still has the first one does not compact by itself. Ten minutes of 10,000 locks are fewer.
constexpr std::int64_t revisionsWithoutCompaction = 1'000'000;

EtcdLockStore::WallClock orSystem(EtcdLockStore::WallClock wall)
{
    if (wall)
        return wall;
    return []
    {
        using namespace std::chrono;
        return static_cast<std::int64_t>(duration_cast<microseconds>(system_clock::now().time_since_epoch()).count());
    };
}

} // namespace

Engine::Engine(const EtcdOptions& options, EtcdLockStore::WallClock wall) :
    gateway(options), leases(gateway), storage(gateway.place()), keys(options.prefix), maxTxnOps(options.maxTxnOps),
    _wall(orSystem(std::move(wall)))
{
}

void Engine::prepare(const std::string& what, const CallContext& context)
{
    const auto expected = storage.expected();
    const auto value = StorageIdentity::newValue();
    const auto key = keys.storage();
    const auto answer = gateway.txn(txnText(ifAbsent(key), putValue(key, value), readKey(key)), what, context);
    storage.answered(answer.header, expected);
    if (answer.txn.succeeded)
        return storage.found(value);
    const auto* const found = answer.txn.responses.size() == 1 ? answer.txn.responses.front().only() : nullptr;
    if (!found)
        gateway.refuseNonsense(gateway.addresses(), what);
    storage.found(found->value);
}

bool Engine::look(const std::string& what, const CallContext& context)
{
    const auto expected = storage.expected();
    const auto answer = gateway.txn(txnText({}, readKey(keys.storage()), {}), what, context);
    storage.answered(answer.header, expected);
    if (answer.txn.responses.size() != 1)
        gateway.refuseNonsense(gateway.addresses(), what);
    const auto& response = answer.txn.responses.front();
    storageDiffers(response, gateway.addresses());
    return response.only() != nullptr;
}

void Engine::inspect(const CallContext& context)
{
    const auto version = gateway.version(context);
    if (version && isTooOld(*version))
        throw LockStoreError("cannot use the " + gateway.place() + ": the server is etcd " + *version + ": use etcd 3.4 or newer");
    {
        const std::lock_guard lock(_mutex);
        _versionWarning =
            version && canCorrupt(*version) ? "etcd " + *version + " can corrupt its data after a crash: update it to 3.5.13 or newer" : "";
    }
    if (!_historyChecked.exchange(true))
        warnOfHistory(context);
}

void Engine::warnOfHistory(const CallContext& context)
{
    if (storage.expected().revision < revisionsWithoutCompaction)
        return;
    const std::string what = "look for auto-compaction";
    const auto key = keys.storage();
    const auto reply =
        gateway.post("/v3/kv/range", rangeText({.begin = key, .end = endOfPrefix(key), .limit = 1, .revision = 1}), what, context);
    if (reply.verdict.meaning != Meaning::done)
        return; // compacted, or a trouble that a verb will report
    const std::lock_guard lock(_mutex);
    _historyWarning = "etcd keeps all its history, and each renewal adds to it: start the servers with --auto-compaction-mode=periodic "
                      "--auto-compaction-retention=10m";
}

std::string Engine::warning() const
{
    std::string text;
    const auto add = [&](const std::string& one) { text += (text.empty() || one.empty() ? "" : "; ") + one; };
    if (const auto troubles = gateway.troubles(); !troubles.empty())
        add("a node was left out: " + troubles);
    const std::lock_guard lock(_mutex);
    add(_versionWarning);
    add(_historyWarning);
    return text;
}

std::string Engine::ifStorage(const std::string& value) const
{
    return ifValue(keys.storage(), Relation::equal, value);
}

void Engine::storageDiffers(const Response& response, const std::string& node)
{
    if (response.kind != Response::Kind::range)
        gateway.refuseNonsense(node, {});
    if (const auto* const found = response.only())
        storage.found(found->value);
    else
        storage.missing();
}

std::optional<LockState> Engine::state(const std::string& name, const std::string& what, const CallContext& context)
{
    const auto expected = storage.expected();
    const auto answer = gateway.txn(txnText({}, listed(readKey(keys.storage()), readsOf(keys, name)), {}), what, context);
    storage.answered(answer.header, expected);
    const auto& responses = answer.txn.responses;
    auto state = readState(responses, 1);
    if (!state)
        gateway.refuseNonsense(gateway.addresses(), what);
    storageDiffers(responses.front(), gateway.addresses());
    if (!responses.front().only())
        return std::nullopt;
    return state;
}

std::optional<LockRecord> Engine::find(const std::string& name, const CallContext& context)
{
    const auto what = "find the lock \"" + name + '"';
    std::optional<std::int64_t> endedLease;
    // The lease is asked for after the lock was read. If it has ended, the lock has ended, or was moved to a new lease meanwhile.
    for (;;)
    {
        const auto found = state(name, what, context);
        if (!found || !found->lease)
            return std::nullopt;
        const auto left = leases.timeLeft(*found->lease, what, context);
        if (left || endedLease == found->lease)
            return recordOf(name, *found->memory, *found->lease, left.value_or(Milliseconds(0)), now() / 1000);
        endedLease = found->lease;
    }
}

bool Engine::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    const auto what = "break the lock \"" + name + '"';
    const auto key = keys.memory(name);
    // Each round means that somebody else has changed the lock meanwhile.
    for (;;)
    {
        const auto found = state(name, what, context);
        if (!found || !found->lease || found->memory->fence != expected)
            return false;
        auto memory = *found->memory;
        if (mode == BreakMode::whenItEnds && memory.standing == Standing::broken)
            return true;
        std::string change;
        if (mode == BreakMode::whenItEnds)
        {
            memory.standing = Standing::broken;
            change = putValue(key, memory.text()); // the live lock stays on its lease
        }
        else
        {
            memory = {expected, Standing::freed, now() / 1000, {}};
            change = listed(putValue(key, memory.text()), deleteKey(keys.live(name)), putValue(keys.freed(name), {}));
        }
        const auto seen = storage.expected();
        const auto answer = gateway.txn(
            txnText(listed(ifStorage(seen.value), ifPresent(keys.live(name)), ifRevision(key, found->memoryRevision)), change, {}), what,
            context);
        storage.answered(answer.header, seen);
        if (answer.txn.succeeded)
            return true;
    }
}

} // namespace Leasehold::Etcd
