#pragma once

#include "Engine.h"

#include <string>
#include <vector>

namespace Leasehold::Etcd
{

/// Goes through the keys of many locks in order, for list and prune.
class LockScan
{
public:
    LockScan(Engine& engine, const CallContext& context) : _engine(engine), _context(context) {}

    std::vector<LockRecord> live(const ListQuery& query);
    /// Forgets at most a page of locks that ended long enough ago. Locks that ended by themselves tell no time: they are marked, and
    /// forgotten by a later call. Returns how many were forgotten.
    std::size_t forget(Milliseconds retention);

private:
    struct Memory
    {
        std::string name{};
        LockMemory content{};
        std::int64_t revision = 0;
    };

    void addRecords(const std::vector<KeyValue>& liveKeys, std::int64_t revision, std::vector<LockRecord>& records);
    std::vector<Memory> deadIn(const Response& memories, const Response& liveKeys) const;
    std::size_t change(const std::vector<Memory>& dead, Milliseconds retention, std::size_t maxCount);
    std::vector<Response> carryOut(const std::string& operations, std::size_t count);
    std::size_t operationsPerTxn(std::size_t nested) const { return _engine.maxTxnOps - nested; }

    Engine& _engine;
    const CallContext& _context;
    std::string _what{};
};

} // namespace Leasehold::Etcd
