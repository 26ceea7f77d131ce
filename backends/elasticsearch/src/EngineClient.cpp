#include "EngineClient.h"

#include "LockIndex.h"

#include "Leasehold/Exceptions.h"

#include <Poco/Base64Encoder.h>

#include <random>
#include <sstream>
#include <utility>

namespace Leasehold::Elasticsearch
{

namespace
{

constexpr const char* keyPrefix = "leasehold.store.elasticsearch.";

Net::HttpTransport::Options transportOptions(const ElasticsearchOptions& options)
{
    Net::HttpTransport::Options result;
    for (const auto& url : options.nodes)
        result.nodes.push_back(Net::HttpNode::parse(url, std::string(keyPrefix) + "url", 9200));
    if (result.nodes.empty())
        throw LockConfigurationError(std::string(keyPrefix) + "url names no node");
    result.tls = {options.caFile, options.clientCertificateFile, options.clientKeyFile};
    result.keyPrefix = keyPrefix;
    result.firstNode = std::random_device{}();
    return result;
}

/// The field Authorization of each request; empty: none.
std::string authorizationOf(const ElasticsearchOptions& options)
{
    if (!options.apiKey.empty())
        return "ApiKey " + options.apiKey;
    if (options.user.empty())
        return {};
    std::ostringstream encoded;
    Poco::Base64Encoder encoder(encoded);
    encoder.rdbuf()->setLineLength(0);
    encoder << options.user << ':' << options.password;
    encoder.close();
    return "Basic " + encoded.str();
}

} // namespace

EngineClient::EngineClient(ElasticsearchOptions options) :
    _options(std::move(options)), _authorization(authorizationOf(_options)), _transport(transportOptions(_options)),
    _place("elasticsearch store " + _transport.addresses() + ", index " + _options.index)
{
}

EngineClient::Reply EngineClient::request(Net::HttpRequest request, const std::string& what, const CallContext& context)
{
    try
    {
        return send(std::move(request), context);
    }
    catch (const Net::CallFailure& failure)
    {
        explain(failure, what);
    }
}

EngineClient::Carried EngineClient::update(const LockOperation& operation, const std::string& what, const CallContext& context)
{
    try
    {
        auto reply = sendUpdate(operation.id, operation.body, context);
        return judged(std::move(reply.verdict), std::move(reply.answer.whole), reply.node, what);
    }
    catch (const Net::CallFailure& failure)
    {
        explain(failure, what);
    }
}

EngineClient::Carried EngineClient::judged(Verdict request, EngineItem item, const std::string& node, const std::string& what)
{
    Carried carried{std::move(item), std::move(request), node};
    if (carried.verdict.meaning == Meaning::done)
        carried.verdict = judge(carried.item);
    switch (carried.verdict.meaning)
    {
    case Meaning::done:
    case Meaning::documentMissing:
        indexFound();
        return carried;
    case Meaning::indexMissing:
        indexMissing();
        return carried;
    default:
        refuse(carried, what);
    }
}

// Sends one step as an `_update`, several as a `_bulk`.
EngineClient::Updates EngineClient::updateAll(std::span<BatchStep* const> steps, Batch& batch)
{
    Reply reply;
    try
    {
        if (steps.size() == 1)
        {
            reply = sendUpdate(steps.front()->name(), operationInBulkLines(steps.front()->encoded()), batch.context());
            reply.answer.items.clear();
            reply.answer.items.push_back(std::move(reply.answer.whole));
            // This is an answer about the document and not a failure of the request.
            if (reply.verdict.meaning == Meaning::documentMissing)
                reply.verdict = {Meaning::done, {}};
        }
        else
        {
            std::string body;
            for (const auto* const step : steps)
                body += step->encoded();
            reply = send({"POST", bulkPath(_options.index, engineTimeout(batch.context())), std::move(body), "application/x-ndjson"},
                         batch.context());
            const int status = reply.answer.whole.status;
            if (reply.verdict.meaning == Meaning::permanent && (status == 400 || status == 413))
                batch.contentWasRefused();
        }
    }
    catch (const Net::CallFailure& failure)
    {
        if (failure.outcome() == Net::CallFailure::Outcome::notSent)
            batch.nothingWasSent();
        explain(failure, {});
    }
    if (reply.verdict.meaning == Meaning::indexMissing)
        reply.answer.items.assign(steps.size(), {});
    else if (reply.verdict.meaning != Meaning::done)
        refuse(reply, {});
    if (reply.answer.items.size() != steps.size())
        throw LockStoreError(_place + ": " + reply.node + " answered with " + std::to_string(reply.answer.items.size()) + " items for " +
                             std::to_string(steps.size()) + " operations: is it an Elasticsearch or OpenSearch node?");
    return {std::move(reply.verdict), std::move(reply.answer.items), std::move(reply.node)};
}

bool EngineClient::checkIndex(const CallContext& context)
{
    const std::string what = "prepare";
    const auto reply =
        request({"GET", "/" + Net::percentEncoded(_options.index) + "?filter_path=*.mappings,*.settings.index.uuid", {}}, what, context);
    if (reply.verdict.meaning == Meaning::notPermitted)
        return true;
    if (reply.verdict.meaning == Meaning::indexMissing)
    {
        indexMissing();
        return false;
    }
    if (reply.verdict.meaning != Meaning::done)
        refuse(reply, what);
    const auto state = LockIndex::examine(_options.index, reply.body, _options.replicas);
    if (!state)
        refuseNonsense(reply, what);
    if (!state->problem.empty())
        throw LockStoreError("cannot use the " + _place + ": " + state->problem);
    indexFound(state->uuid);
    return true;
}

void EngineClient::ensureIndex(const CallContext& context)
{
    if (checkIndex(context))
        return;
    makeIndex("prepare", context);
    if (!checkIndex(context))
        throw LockStoreUnavailable("cannot prepare the " + _place + ": the index " + LockIndex::firstIndexOf(_options.index) +
                                   " exists, but the alias " + _options.index +
                                   " does not: another process may be making them just now; if it stays so, add the alias");
}

void EngineClient::makeIndex(const std::string& what, const CallContext& context)
{
    const std::string path = "/" + Net::percentEncoded(LockIndex::firstIndexOf(_options.index)) +
                             "?timeout=" + std::to_string(engineTimeout(context).count()) + "ms";
    const auto made = request({"PUT", path, LockIndex::definition(_options.index, _options.replicas)}, what, context);
    if (made.verdict.meaning == Meaning::notPermitted)
        throw LockStoreError("cannot prepare the " + _place + ": the index is missing and " + made.node + " answered " + made.verdict.why +
                             "; let an operator make it with leasehold check, or give the rights");
    if (made.verdict.meaning != Meaning::done && made.verdict.meaning != Meaning::alreadyExists)
        refuse(made, what);
}

void EngineClient::requireGrantsAllowed(const std::string& what, Milliseconds ttl)
{
    _index.noteTtl(ttl);
    _index.requireGrantsAllowed(subject(what), LocalClock::now());
}

EngineClient::Reply EngineClient::send(Net::HttpRequest request, const CallContext& context)
{
    request.authorization = _authorization;
    auto answer = _transport.send(request, context);
    Reply reply;
    reply.answer = readEngineAnswer(answer.status, answer.contentType, answer.body);
    reply.verdict = judge(reply.answer, answer.contentType);
    reply.body = std::move(answer.body);
    reply.node = std::move(answer.node);
    return reply;
}

EngineClient::Reply EngineClient::sendUpdate(const std::string& id, std::string body, const CallContext& context)
{
    return send({"POST", updatePath(_options.index, id, engineTimeout(context)), std::move(body)}, context);
}

std::string EngineClient::subject(const std::string& what) const
{
    return what.empty() ? _place : "cannot " + what + " in the " + _place;
}

void EngineClient::refuse(const Verdict& verdict, const std::string& node, const std::string& what) const
{
    std::string message = subject(what) + ": " + node + " answered with " + verdict.why;
    if (const auto others = _transport.troubles({&node, 1}); !others.empty())
        message += "; another node failed too: " + others;
    // If the index vanished during the call, the next attempt can create it.
    if (verdict.meaning == Meaning::transient || verdict.meaning == Meaning::indexMissing)
        throw LockStoreUnavailable(message);
    throw LockStoreError(message);
}

void EngineClient::refuseNonsense(const std::string& node, const std::string& what) const
{
    throw LockStoreError(subject(what) + ": the answer of " + node +
                         " makes no sense: is it an Elasticsearch or OpenSearch node, and does only this store write to the index?");
}

/// Throws the exception for a request without an answer. `what`: the purpose of the call.
void EngineClient::explain(const Net::CallFailure& failure, const std::string& what) const
{
    const std::string message =
        subject(what) + ": " + failure.what() +
        (failure.outcome() == Net::CallFailure::Outcome::notSent ? "; nothing was sent" : "; whether it took effect is unknown");
    if (failure.isPermanent())
        throw LockStoreError(message);
    throw LockStoreUnavailable(message);
}

} // namespace Leasehold::Elasticsearch
