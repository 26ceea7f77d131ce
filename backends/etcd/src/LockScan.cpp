#include "LockScan.h"

#include "txnText.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <map>
#include <set>

namespace Leasehold::Etcd
{

namespace
{

constexpr std::size_t forgottenPerCall = 1000;
// Memories of live locks have metadata of up to 16 KiB each.
constexpr std::size_t memoriesPerPage = 500;
constexpr std::size_t liveKeysPerPage = 1000;

std::string nameIn(const std::string& key, const std::string& keyOfNoName)
{
    return key.substr(keyOfNoName.size());
}

} // namespace

std::vector<LockRecord> LockScan::live(const ListQuery& query)
{
    _what = "list locks";
    std::vector<LockRecord> records;
    const auto end = endOfPrefix(_engine.keys.live(query.prefix));
    auto begin = std::max(_engine.keys.live(query.prefix), query.after.empty() ? std::string() : _engine.keys.live(query.after) + '\0');
    while (records.size() < query.limit && begin < end)
    {
        const auto size = std::min(query.limit - records.size(), liveKeysPerPage);
        const auto expected = _engine.storage.expected();
        const auto answer = _engine.gateway.txn(
            txnText({}, listed(readKey(_engine.keys.storage()), readInterval({.begin = begin, .end = end, .limit = size})), {}), _what,
            _context);
        _engine.storage.answered(answer.header, expected);
        const auto& responses = answer.txn.responses;
        if (responses.size() != 2 || responses[1].kind != Response::Kind::range)
            _engine.gateway.refuseNonsense(_engine.gateway.addresses(), _what);
        _engine.storageDiffers(responses[0], _engine.gateway.addresses());
        const auto& keys = responses[1].found;
        if (!responses[0].only() || keys.empty())
            break;
        begin = keys.back().key + '\0';
        addRecords(keys, answer.header.revision, records);
        if (keys.size() < size)
            break;
    }
    return records;
}

// Reads what belongs to these live locks at the same revision, so that both halves are of one moment.
void LockScan::addRecords(const std::vector<KeyValue>& liveKeys, std::int64_t revision, std::vector<LockRecord>& records)
{
    std::map<std::int64_t, std::optional<Milliseconds>> leases;
    for (const auto& live : liveKeys)
    {
        if (!leases.contains(live.lease))
            leases[live.lease] = _engine.leases.timeLeft(live.lease, _what, _context);
    }
    const auto perTxn = operationsPerTxn(0);
    for (std::size_t first = 0; first < liveKeys.size(); first += perTxn)
    {
        const auto last = std::min(first + perTxn, liveKeys.size());
        std::string reads;
        std::vector<std::string> names;
        for (auto index = first; index < last; ++index)
        {
            names.push_back(nameIn(liveKeys[index].key, _engine.keys.live({})));
            const auto key = _engine.keys.memory(names.back());
            reads += (reads.empty() ? "" : ",") + readInterval({.begin = key, .end = key + '\0', .revision = revision});
        }
        const auto answer = _engine.gateway.txn(txnText({}, reads, {}), _what, _context);
        if (answer.txn.responses.size() != names.size())
            _engine.gateway.refuseNonsense(_engine.gateway.addresses(), _what);
        for (std::size_t index = 0; index < names.size(); ++index)
        {
            const auto& live = liveKeys[first + index];
            const auto* const found = answer.txn.responses[index].only();
            const auto memory = found ? LockMemory::read(found->value) : std::nullopt;
            if (!memory)
                _engine.gateway.refuseNonsense(_engine.gateway.addresses(), _what);
            // Without its lease the lock has ended since, or etcd has lost track of the lease: the lock was live when it was read.
            const auto left = leases[live.lease].value_or(Milliseconds(0));
            records.push_back(recordOf(names[index], *memory, live.lease, left, _engine.now() / 1000));
        }
    }
}

std::size_t LockScan::forget(Milliseconds retention)
{
    _what = "prune records";
    std::size_t forgotten = 0;
    const auto end = endOfPrefix(_engine.keys.memory({}));
    for (auto begin = _engine.keys.memory({}); forgotten < forgottenPerCall;)
    {
        const auto expected = _engine.storage.expected();
        const auto first = nameIn(begin, _engine.keys.memory({}));
        const auto page = readInterval({.begin = begin, .end = end, .limit = memoriesPerPage});
        const auto answer = _engine.gateway.txn(txnText({}, listed(readKey(_engine.keys.storage()), page), {}), _what, _context);
        _engine.storage.answered(answer.header, expected);
        const auto& responses = answer.txn.responses;
        if (responses.size() != 2 || responses[1].kind != Response::Kind::range)
            _engine.gateway.refuseNonsense(_engine.gateway.addresses(), _what);
        _engine.storageDiffers(responses[0], _engine.gateway.addresses());
        const auto& memories = responses[1].found;
        if (!responses[0].only() || memories.empty())
            break;
        begin = memories.back().key + '\0';
        const Interval same{.begin = _engine.keys.live(first),
                            .end = _engine.keys.live(nameIn(begin, _engine.keys.memory({}))),
                            .revision = answer.header.revision,
                            .keysOnly = true};
        const auto live = _engine.gateway.txn(txnText({}, readInterval(same), {}), _what, _context);
        if (live.txn.responses.size() != 1)
            _engine.gateway.refuseNonsense(_engine.gateway.addresses(), _what);
        forgotten += change(deadIn(responses[1], live.txn.responses.front()), retention, forgottenPerCall - forgotten);
        if (memories.size() < memoriesPerPage)
            break;
    }
    return forgotten;
}

std::vector<LockScan::Memory> LockScan::deadIn(const Response& memories, const Response& liveKeys) const
{
    std::set<std::string> live;
    for (const auto& key : liveKeys.found)
        live.insert(nameIn(key.key, _engine.keys.live({})));
    std::vector<Memory> dead;
    for (const auto& found : memories.found)
    {
        auto name = nameIn(found.key, _engine.keys.memory({}));
        const auto content = LockMemory::read(found.value);
        if (!content)
            _engine.gateway.refuseNonsense(_engine.gateway.addresses(), _what);
        if (!live.contains(name))
            dead.push_back({std::move(name), *content, found.modRevision});
    }
    return dead;
}

// Every change compares what was read, so that it never touches a lock that was granted meanwhile.
std::size_t LockScan::change(const std::vector<Memory>& dead, Milliseconds retention, std::size_t maxCount)
{
    constexpr std::size_t nested = 4; // operations or comparisons of one lock
    const auto& keys = _engine.keys;
    const auto now = _engine.now();
    std::size_t forgotten = 0, chosen = 0;
    std::string operations;
    std::vector<bool> forgets;
    const auto send = [&]
    {
        if (forgets.empty())
            return;
        const auto responses = carryOut(operations, forgets.size());
        for (std::size_t index = 0; index < forgets.size(); ++index)
            forgotten += forgets[index] && responses[index].succeeded ? 1 : 0;
        operations.clear();
        forgets.clear();
    };
    for (const auto& one : dead)
    {
        const auto& memory = one.content;
        const LeaseRules::Record record{
            .token = "ended", .fence = memory.fence, .standing = LeaseRules::Standing::released, .expiresAt = memory.time};
        const bool isForgettable = memory.isEnded() && LeaseRules::isForgettable(record, retention, {now / 1000, now});
        if (memory.isEnded() && (!isForgettable || chosen == maxCount))
            continue;
        std::string act;
        if (isForgettable)
        {
            ++chosen;
            act = listed(deleteKey(keys.memory(one.name)), deleteKey(keys.token(one.name)), deleteKey(keys.wanted(one.name)),
                         deleteKey(keys.freed(one.name)));
        }
        else
        {
            const auto standing = memory.standing == Standing::broken ? Standing::brokenExpired : Standing::expired;
            act = putValue(keys.memory(one.name), LockMemory{memory.fence, standing, now / 1000, {}}.text());
        }
        const auto isUnchanged = listed(ifRevision(keys.memory(one.name), one.revision), ifAbsent(keys.live(one.name)));
        operations += (operations.empty() ? "" : ",") + nestedTxn(isUnchanged, act, {});
        forgets.push_back(isForgettable);
        if (forgets.size() == operationsPerTxn(nested))
            send();
    }
    send();
    return forgotten;
}

std::vector<Response> LockScan::carryOut(const std::string& operations, std::size_t count)
{
    const auto expected = _engine.storage.expected();
    auto answer =
        _engine.gateway.txn(txnText(_engine.ifStorage(expected.value), operations, readKey(_engine.keys.storage())), _what, _context);
    _engine.storage.answered(answer.header, expected);
    if (!answer.txn.succeeded && answer.txn.responses.size() == 1)
    {
        _engine.storageDiffers(answer.txn.responses.front(), _engine.gateway.addresses());
        throw LockStoreUnavailable("cannot " + _what + " in the " + _engine.gateway.place() + ": the storage was replaced during the call");
    }
    if (answer.txn.responses.size() != count)
        _engine.gateway.refuseNonsense(_engine.gateway.addresses(), _what);
    return std::move(answer.txn.responses);
}

} // namespace Leasehold::Etcd
