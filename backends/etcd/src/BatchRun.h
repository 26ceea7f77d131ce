#pragma once

#include "Engine.h"
#include "StepOperations.h"

#include "Leasehold/Store/Batch.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace Leasehold::Etcd
{

/// Carries out the steps of one batch in one Txn, in which each step is a Txn of its own. Few steps need a second round, always after an
/// answer that says that the first changed nothing: an acquire whose last fence is ahead of this client's clock, an acquire that was sent
/// again, and all steps if their lease has ended.
class BatchRun
{
public:
    BatchRun(Engine& engine, Batch& batch) : _engine(engine), _batch(batch) {}

    /// Sets the outcome of every step. Throws as BatchedLockStore::carryOut.
    void run();

private:
    /// A step without an outcome, and its operation of the next round.
    struct Pending
    {
        BatchStep* step = nullptr;
        std::string operation{};
        AcquireOperation grant{}; ///< of an acquire
        LockState replayed{};     ///< of an acquire that extends the lease that its token has
        bool extends = false;
    };
    /// An acquire that is held: only the time that is left is missing.
    struct Held
    {
        BatchStep* step = nullptr;
        LockState state{};
    };

    void begin();
    void round();
    void obtainLeases();
    std::string body(const std::string& storage) const;
    Gateway::Reply send(const std::string& body);
    bool mayReadAnswer(const Gateway::Reply& reply);
    void storageVanished(const Response& response, const std::string& node);
    void judge(const Response& answer, Pending& pending, const std::string& node);
    void judgeAcquire(const Response& answer, Pending& pending, const std::string& node);
    void judgeExtension(const Response& answer, Pending& pending, const std::string& node);
    void againAbove(Fence last, const Pending& pending);
    void extend(LockState state, Pending pending);
    void answerHeld();
    LockRecord grantedRecord(const BatchStep& step, const AcquireOperation& grant) const;

    Engine& _engine;
    Batch& _batch;
    std::vector<Pending> _pending{};
    std::vector<Pending> _next{};
    std::vector<Held> _held{};
    std::map<Milliseconds, std::int64_t> _leases{};
    int _rounds = 0;
    int _endedLeases = 0;
};

} // namespace Leasehold::Etcd
