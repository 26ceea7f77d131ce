#include "BatchRun.h"

#include "txnText.h"

#include "Leasehold/Exceptions.h"

#include <utility>

namespace Leasehold::Etcd
{

namespace
{

/// Calls `work`. If it throws, fails only this step.
template <typename Work>
void failingOnly(BatchStep& step, const Work& work)
{
    try
    {
        work();
    }
    catch (const LockStoreError& problem)
    {
        step.fail(problem);
    }
}

/// The TTL of the lease that the step needs; nullptr: it is a release.
const Milliseconds* ttlOf(const BatchStep& step)
{
    if (const auto* const acquire = step.acquire())
        return &acquire->ttl;
    const auto* const renewal = step.renewal();
    return renewal ? &renewal->ttl : nullptr;
}

} // namespace

void BatchRun::run()
{
    begin();
    while (!_pending.empty())
    {
        round();
        ++_rounds;
        _pending = std::exchange(_next, {});
        if (!_pending.empty() || !_held.empty())
            _batch.deliver();
        answerHeld();
    }
}

void BatchRun::begin()
{
    const auto steps = _batch.steps();
    if (_engine.storage.expected().value.empty())
    {
        _batch.nothingWasSent();
        _engine.prepare({}, _batch.context());
    }
    for (auto* const step : steps)
    {
        if (const auto* const ttl = ttlOf(*step))
            _engine.storage.noteTtl(*ttl);
        if (!step->acquire())
        {
            _pending.push_back({.step = step, .operation = step->encoded()});
            continue;
        }
        failingOnly(*step,
                    [&]
                    {
                        _engine.storage.requireGrantsAllowed();
                        auto grant = AcquireOperation::decoded(step->encoded());
                        _pending.push_back({.step = step, .operation = std::exchange(grant.text, {}), .grant = grant});
                    });
    }
}

void BatchRun::round()
{
    obtainLeases();
    if (_pending.empty())
        return;
    const auto expected = _engine.storage.expected();
    const auto reply = send(body(expected.value));
    if (!mayReadAnswer(reply))
        return;
    const auto answer = readTxn(reply.body);
    if (!answer)
        _engine.gateway.refuseNonsense(reply.node, {});
    const auto& responses = answer->txn.responses;
    if (!answer->txn.succeeded)
    {
        if (responses.size() != 1)
            _engine.gateway.refuseNonsense(reply.node, {});
        _engine.storage.answered(answer->header, expected);
        return storageVanished(responses.front(), reply.node);
    }
    if (responses.size() != _pending.size())
        _engine.gateway.refuseNonsense(reply.node, {});
    // A storage that was set back may have granted a lock that another process holds. Then the judgement of a grant throws.
    _engine.storage.answered(answer->header, expected);
    for (std::size_t index = 0; index < _pending.size(); ++index)
        failingOnly(*_pending[index].step, [&] { judge(responses[index], _pending[index], reply.node); });
}

// Without a lease only the steps that need it fail.
void BatchRun::obtainLeases()
{
    std::map<Milliseconds, std::size_t> keys;
    for (const auto& pending : _pending)
    {
        if (const auto* const ttl = ttlOf(*pending.step))
            ++keys[*ttl];
    }
    _leases.clear();
    for (const auto& [ttl, count] : keys)
    {
        try
        {
            _leases[ttl] = _engine.leases.lease(ttl, count, _batch.context());
        }
        catch (const LockStoreError& problem)
        {
            std::erase_if(_pending,
                          [&, ttl = ttl](const Pending& one)
                          {
                              const auto* const needed = ttlOf(*one.step);
                              const bool fails = needed && *needed == ttl;
                              if (fails)
                                  one.step->fail(problem);
                              return fails;
                          });
        }
    }
}

std::string BatchRun::body(const std::string& storage) const
{
    std::string operations;
    for (const auto& pending : _pending)
    {
        if (!operations.empty())
            operations += ',';
        const auto* const ttl = ttlOf(*pending.step);
        appendWithLease(operations, pending.operation, ttl ? _leases.at(*ttl) : 0);
    }
    return txnText(_engine.ifStorage(storage), operations, readKey(_engine.keys.storage()));
}

Gateway::Reply BatchRun::send(const std::string& body)
{
    try
    {
        return _engine.gateway.send("/v3/kv/txn", body, _batch.context());
    }
    catch (const Net::CallFailure& failure)
    {
        if (_rounds == 0 && failure.outcome() == Net::CallFailure::Outcome::notSent)
            _batch.nothingWasSent();
        _engine.gateway.explain(failure, {});
    }
}

// False: nothing was carried out, and the steps are sent again.
bool BatchRun::mayReadAnswer(const Gateway::Reply& reply)
{
    if (reply.verdict.meaning == Meaning::done)
        return true;
    if (reply.verdict.meaning == Meaning::leaseMissing && ++_endedLeases == 1)
    {
        for (const auto& [ttl, lease] : _leases)
            _engine.leases.forget(lease);
        _next = std::exchange(_pending, {});
        return false;
    }
    if (reply.verdict.meaning == Meaning::contentRefused && _rounds == 0)
        _batch.contentWasRefused();
    _engine.gateway.refuse(reply, {});
}

void BatchRun::storageVanished(const Response& response, const std::string& node)
{
    _engine.storageDiffers(response, node);
    for (const auto& pending : _pending)
    {
        auto& step = *pending.step;
        if (step.renewal())
            step.reply(RenewReply{.status = RenewStatus::lost});
        else if (step.release())
            step.reply(ReleaseReply{});
        else
            failingOnly(step,
                        [&]
                        {
                            _engine.storage.requireGrantsAllowed();
                            throw LockStoreUnavailable(_engine.gateway.place() + ": the storage was replaced during the call");
                        });
    }
}

void BatchRun::judge(const Response& answer, Pending& pending, const std::string& node)
{
    auto& step = *pending.step;
    const auto reply = [&](const auto& read)
    {
        if (!read)
            _engine.gateway.refuseNonsense(node, {});
        step.reply(*read);
    };
    if (const auto* const renewal = step.renewal())
        reply(readRenewal(answer, *renewal));
    else if (const auto* const lease = step.release())
        reply(readRelease(answer, *lease, _engine.now()));
    else if (pending.extends)
        judgeExtension(answer, pending, node);
    else
        judgeAcquire(answer, pending, node);
}

void BatchRun::judgeAcquire(const Response& answer, Pending& pending, const std::string& node)
{
    using Kind = AcquireOutcome::Kind;
    auto& step = *pending.step;
    const auto& request = *step.acquire();
    auto outcome = readAcquire(answer, tokenHash(request.name, request.token));
    if (!outcome)
        _engine.gateway.refuseNonsense(node, {});
    switch (outcome->kind)
    {
    case Kind::granted:
        _engine.storage.requireGrantsAllowed();
        step.reply(AcquireReply{AcquireStatus::granted, grantedRecord(step, pending.grant)});
        break;
    case Kind::held:
        _held.push_back({&step, std::move(outcome->state)});
        break;
    case Kind::replayed:
        extend(std::move(outcome->state), std::move(pending));
        break;
    case Kind::spent:
        step.reply(AcquireReply{AcquireStatus::spent, {.name = request.name}});
        break;
    case Kind::fenceAhead:
        againAbove(outcome->state.memory->fence, pending);
        break;
    }
}

void BatchRun::againAbove(Fence last, const Pending& pending)
{
    auto grant = acquireOperation(_engine.keys, *pending.step->acquire(), last, _engine.now());
    _next.push_back({.step = pending.step, .operation = std::exchange(grant.text, {}), .grant = grant});
}

// A replay lets the lease last for the TTL from now, and never shortens it.
void BatchRun::extend(LockState state, Pending pending)
{
    auto& step = *pending.step;
    const auto& request = *step.acquire();
    if (ttlOfLease(*state.lease) > request.ttl)
    {
        const auto left = _engine.leases.timeLeft(*state.lease, {}, _batch.context());
        if (left && *left >= request.ttl)
        {
            step.reply(
                AcquireReply{AcquireStatus::granted, recordOf(request.name, *state.memory, *state.lease, *left, _engine.now() / 1000)});
            return;
        }
    }
    pending.operation = renewOperation(_engine.keys, {request.name, request.token, state.memory->fence});
    pending.replayed = std::move(state);
    pending.extends = true;
    _next.push_back(std::move(pending));
}

void BatchRun::judgeExtension(const Response& answer, Pending& pending, const std::string& node)
{
    auto& step = *pending.step;
    const auto& request = *step.acquire();
    const auto extended = readRenewal(answer, {{request.name, request.token, pending.replayed.memory->fence}, request.ttl});
    if (!extended)
        _engine.gateway.refuseNonsense(node, {});
    if (extended->status != RenewStatus::renewed)
        return againAbove(0, pending); // the lock has ended or was broken meanwhile
    step.reply(AcquireReply{AcquireStatus::granted,
                            recordOf(request.name, *pending.replayed.memory, leaseId(request.ttl, 0), request.ttl, _engine.now() / 1000)});
}

// Asks once for each lease, on which many locks may hang.
void BatchRun::answerHeld()
{
    std::map<std::int64_t, std::optional<Milliseconds>> leases;
    for (const auto& held : std::exchange(_held, {}))
    {
        failingOnly(*held.step,
                    [&]
                    {
                        const auto lease = *held.state.lease;
                        if (!leases.contains(lease))
                            leases[lease] = _engine.leases.timeLeft(lease, {}, _batch.context());
                        held.step->reply(
                            AcquireReply{AcquireStatus::held, recordOf(held.step->name(), *held.state.memory, lease,
                                                                       leases[lease].value_or(Milliseconds(0)), _engine.now() / 1000)});
                    });
    }
}

LockRecord BatchRun::grantedRecord(const BatchStep& step, const AcquireOperation& grant) const
{
    const auto& request = *step.acquire();
    const LockMemory memory{grant.fence, Standing::held, grant.time, request.metadata};
    return recordOf(request.name, memory, leaseId(request.ttl, 0), request.ttl, grant.time);
}

} // namespace Leasehold::Etcd
