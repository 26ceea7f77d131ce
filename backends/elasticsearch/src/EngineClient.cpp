#include "EngineClient.h"

#include "LockIndex.h"

#include "Leasehold/Exceptions.h"

#include <random>

namespace Leasehold
{

namespace
{

constexpr const char* keyPrefix = "leasehold.store.elasticsearch.";

HttpTransport::Options transportOptions(const ElasticsearchOptions& options)
{
    HttpTransport::Options result;
    for (const auto& url : options.nodes)
        result.nodes.push_back(HttpNode::parse(url, std::string(keyPrefix) + "url"));
    if (result.nodes.empty())
        throw LockConfigurationError(std::string(keyPrefix) + "url names no node");
    result.user = options.user;
    result.password = options.password;
    result.apiKey = options.apiKey;
    result.caFile = options.caFile;
    result.keyPrefix = keyPrefix;
    result.firstNode = std::random_device{}();
    return result;
}

} // namespace

EngineClient::EngineClient(ElasticsearchOptions options) :
    _options(std::move(options)), _transport(transportOptions(_options)),
    _place("elasticsearch store " + _transport.addresses() + ", index " + _options.index),
    _together([this](std::span<const GroupCommit::Operations* const> calls, const CallLimit& limit) { return sendTogether(calls, limit); },
              {})
{
}

EngineClient::Reply EngineClient::request(const HttpRequest& request, const std::string& what, const CallContext& context)
{
    try
    {
        return send(request, CallLimit::of(context));
    }
    catch (const HttpFailure& failure)
    {
        explain(failure, what);
    }
}

EngineClient::Carried EngineClient::update(LockOperation operation, const std::string& what, const CallContext& context)
{
    GroupCommit::Operations operations;
    operations.push_back(std::move(operation));
    return judged(updateAll(std::move(operations), what, context), what);
}

EngineClient::Carried EngineClient::updateOnce(LockOperation operation, const std::string& what, const CallContext& context)
{
    const GroupCommit::Operations operations{std::move(operation)};
    const auto* const call = &operations;
    try
    {
        return judged(sendTogether({&call, 1}, CallLimit::of(context)), what);
    }
    catch (const HttpFailure& failure)
    {
        explain(failure, what);
    }
}

GroupReply EngineClient::updateAll(GroupCommit::Operations operations, const std::string& what, const CallContext& context)
{
    try
    {
        return _together.carryOut(std::move(operations), CallLimit::of(context));
    }
    catch (const HttpFailure& failure)
    {
        explain(failure, what);
    }
}

void EngineClient::ensureIndex(const CallContext& context)
{
    const std::string what = "prepare";
    for (int tries = 1;; ++tries)
    {
        const auto reply =
            request({"GET", "/" + percentEncoded(_options.index) + "?filter_path=*.mappings,*.settings.index.uuid", {}}, what, context);
        if (reply.verdict.meaning == Meaning::notPermitted)
            return;
        if (reply.verdict.meaning == Meaning::done)
        {
            const auto state = LockIndex::examine(_options.index, reply.body);
            if (!state)
                refuseNonsense(reply, what);
            if (!state->problem.empty())
                throw LockStoreError("cannot use the " + _place + ": " + state->problem);
            _index.isNow(state->uuid);
            return;
        }
        if (reply.verdict.meaning != Meaning::indexMissing)
            refuse(reply, what);
        _index.missing();
        if (tries > 1)
            throw LockStoreUnavailable("cannot prepare the " + _place + ": the index " + LockIndex::firstIndexOf(_options.index) +
                                       " exists, but the alias " + _options.index +
                                       " does not: another process may be making them just now; if it stays so, add the alias");
        makeIndex(what, context);
    }
}

void EngineClient::makeIndex(const std::string& what, const CallContext& context)
{
    const std::string path =
        "/" + percentEncoded(LockIndex::firstIndexOf(_options.index)) + "?timeout=" + std::to_string(engineTimeout(context).count()) + "ms";
    const auto made = request({"PUT", path, LockIndex::definition(_options.index, _options.replicas)}, what, context);
    if (made.verdict.meaning == Meaning::notPermitted)
        throw LockStoreError("cannot prepare the " + _place + ": the index is missing and " + made.node + " answered " + made.verdict.why +
                             ", so it cannot be made: let an operator make it, or give the right create_index");
    if (made.verdict.meaning != Meaning::done && made.verdict.meaning != Meaning::alreadyExists)
        refuse(made, what);
}

void EngineClient::requireNoneRemain(const std::string& what, Milliseconds ttl)
{
    if (const auto left = _index.mayRemain(ttl); left.count() > 0)
        throw LockStoreUnavailable(
            "cannot " + what + " in the " + _place +
            ": the index vanished while it was in use, and others may still believe in leases that it held; nothing is granted for " +
            formatDuration(left) + " more");
}

EngineClient::Reply EngineClient::send(const HttpRequest& request, const CallLimit& limit)
{
    auto answer = _transport.send(request, limit);
    Reply reply;
    reply.answer = readEngineAnswer(answer.status, answer.contentType, answer.body);
    reply.verdict = judge(reply.answer, answer.contentType);
    reply.body = std::move(answer.body);
    reply.node = std::move(answer.node);
    return reply;
}

/// One operation as an `_update`, several as a `_bulk`.
GroupReply EngineClient::sendTogether(std::span<const GroupCommit::Operations* const> calls, const CallLimit& limit)
{
    std::size_t count = 0;
    for (const auto* const operations : calls)
        count += operations->size();
    const auto timeout = engineTimeout(limit);
    if (count == 1)
    {
        const auto& operation = calls.front()->front();
        auto reply = send({"POST", updatePath(_options.index, operation, timeout), operation.body}, limit);
        GroupReply result{std::move(reply.verdict), {}, std::move(reply.node)};
        result.items.push_back(std::move(reply.answer.whole));
        // The engine did answer, about this document.
        if (result.verdict.meaning == Meaning::documentMissing)
            result.verdict = {Meaning::done, {}};
        return result;
    }

    std::string body;
    for (const auto* const operations : calls)
    {
        for (const auto& operation : *operations)
            appendBulkLines(body, operation);
    }
    auto reply = send({"POST", bulkPath(_options.index, timeout), std::move(body), "application/x-ndjson"}, limit);
    const int status = reply.answer.whole.status;
    GroupReply result{std::move(reply.verdict), std::move(reply.answer.items), std::move(reply.node)};
    result.contentRefused = result.verdict.meaning == Meaning::permanent && (status == 400 || status == 413);
    if (result.verdict.meaning == Meaning::done && result.items.size() != count)
        result.verdict = {Meaning::permanent, std::to_string(result.items.size()) + " items for " + std::to_string(count) +
                                                  " operations: is it an Elasticsearch or OpenSearch node?"};
    return result;
}

EngineClient::Carried EngineClient::judged(GroupReply reply, const std::string& what)
{
    Carried carried{{}, std::move(reply.verdict), std::move(reply.node)};
    if (carried.verdict.meaning == Meaning::done)
    {
        carried.item = std::move(reply.items.front());
        carried.verdict = judge(carried.item);
    }
    switch (carried.verdict.meaning)
    {
    case Meaning::done:
    case Meaning::documentMissing:
        _index.seen();
        return carried;
    case Meaning::indexMissing:
        _index.missing();
        return carried;
    default:
        refuse(carried, what);
    }
}

void EngineClient::refuse(const Verdict& verdict, const std::string& node, const std::string& what) const
{
    const std::string message = "cannot " + what + " in the " + _place + ": " + node + " answered with " + verdict.why;
    // An index that vanishes while it is looked for can be made by the next try.
    if (verdict.meaning == Meaning::transient || verdict.meaning == Meaning::indexMissing)
        throw LockStoreUnavailable(message);
    throw LockStoreError(message);
}

void EngineClient::refuseNonsense(const std::string& node, const std::string& what) const
{
    throw LockStoreError("cannot " + what + " in the " + _place + ": the answer of " + node +
                         " makes no sense: is it an Elasticsearch or OpenSearch node, and does only this store write to the index?");
}

/// There is no answer: throws what this means for the caller, saying what could not be done.
void EngineClient::explain(const HttpFailure& failure, const std::string& what) const
{
    const std::string message =
        "cannot " + what + " in the " + _place + ": " + failure.what() +
        (failure.outcome() == HttpFailure::Outcome::notSent ? "; nothing was sent" : "; whether it took effect is unknown");
    if (failure.isPermanent())
        throw LockStoreError(message);
    throw LockStoreUnavailable(message);
}

} // namespace Leasehold
