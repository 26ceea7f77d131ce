#include "Gateway.h"

#include "Leasehold/Exceptions.h"

#include <random>

namespace Leasehold::Etcd
{

namespace
{

constexpr const char* keyPrefix = "leasehold.store.etcd.";
constexpr std::uint16_t clientPort = 2379;

Net::HttpTransport::Options transportOptions(const EtcdOptions& options)
{
    Net::HttpTransport::Options result;
    for (const auto& url : options.nodes)
        result.nodes.push_back(Net::HttpNode::parse(url, std::string(keyPrefix) + "url", clientPort));
    if (result.nodes.empty())
        throw LockConfigurationError(std::string(keyPrefix) + "url names no node");
    result.tls = {options.caFile, options.clientCertificateFile, options.clientKeyFile};
    result.keyPrefix = keyPrefix;
    result.firstNode = std::random_device{}();
    return result;
}

/// User names and passwords may have any character.
std::string jsonText(const std::string& text)
{
    constexpr const char* digits = "0123456789abcdef";
    std::string out = "\"";
    for (const char character : text)
    {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20 || character == '"' || character == '\\')
            out.append("\\u00") += {digits[byte >> 4], digits[byte & 15]};
        else
            out += character;
    }
    return out + '"';
}

} // namespace

Gateway::Gateway(const EtcdOptions& options) :
    _options(options), _transport(transportOptions(_options)),
    _place("etcd store " + _transport.addresses() + ", prefix " + _options.prefix)
{
    if (!_options.user.empty())
        _tokens.emplace([this](const CallContext& context) { return logIn(context); });
}

Gateway::Reply Gateway::send(const char* path, const std::string& body, const CallContext& context)
{
    bool hasNewToken = false;
    for (std::size_t wrongNodes = 0;;)
    {
        const auto token = _tokens ? _tokens->token(context) : std::string();
        auto answer = _transport.send({.method = "POST", .path = path, .body = body, .authorization = token}, context);
        auto verdict = judge(answer);
        switch (verdict.meaning)
        {
        case Meaning::tokenRefused:
            if (!_tokens)
                verdict.meaning = Meaning::permanent;
            else if (std::exchange(hasNewToken, true))
                verdict.meaning = Meaning::unavailable;
            else
            {
                _tokens->refused(token);
                continue;
            }
            break;
        case Meaning::wrongNode:
            _transport.reportFailed(answer, verdict.why);
            if (++wrongNodes < _options.nodes.size())
                continue;
            verdict.meaning = Meaning::unavailable;
            break;
        case Meaning::nodeFailed:
            _transport.reportFailed(answer, verdict.why);
            verdict.meaning = Meaning::unavailable;
            break;
        default:
            break;
        }
        return {std::move(verdict), std::move(answer.body), std::move(answer.node)};
    }
}

Gateway::Reply Gateway::post(const char* path, const std::string& body, const std::string& what, const CallContext& context)
{
    try
    {
        return send(path, body, context);
    }
    catch (const Net::CallFailure& failure)
    {
        explain(failure, what);
    }
}

TxnAnswer Gateway::txn(const std::string& body, const std::string& what, const CallContext& context)
{
    const auto reply = post("/v3/kv/txn", body, what, context);
    if (reply.verdict.meaning != Meaning::done)
        refuse(reply, what);
    auto answer = readTxn(reply.body);
    if (!answer)
        refuseNonsense(reply.node, what);
    return std::move(*answer);
}

std::optional<std::string> Gateway::version(const CallContext& context)
{
    try
    {
        const auto answer = _transport.send({"GET", "/version", {}}, context);
        return answer.status == 200 ? readVersion(answer.body) : std::nullopt;
    }
    catch (const Net::CallFailure& failure)
    {
        explain(failure, "ask for the server's version");
    }
}

std::unique_ptr<Net::HttpStream> Gateway::stream(const char* path, const std::string& body, const CallContext& context)
{
    const std::string what = "watch for releases";
    try
    {
        const auto token = _tokens ? _tokens->token(context) : std::string();
        auto stream = _transport.openStream({.method = "POST", .path = path, .body = body, .authorization = token}, context);
        if (stream->status() == 200)
            return stream;
        const auto line = stream->readLine(context);
        const auto verdict = judgeError(stream->status(), line.value_or(std::string()));
        if (verdict.meaning == Meaning::tokenRefused)
            forgetToken();
        throw LockStoreUnavailable(subject(what) + ": " + verdict.why);
    }
    catch (const Net::CallFailure& failure)
    {
        explain(failure, what);
    }
}

void Gateway::forgetToken()
{
    if (_tokens)
        _tokens->refused(_tokens->present());
}

void Gateway::refuse(const Reply& reply, const std::string& what) const
{
    std::string message = subject(what) + ": " + reply.node + " answered with " + reply.verdict.why;
    if (const auto others = _transport.troubles({&reply.node, 1}); !others.empty())
        message += "; besides, " + others;
    switch (reply.verdict.meaning)
    {
    case Meaning::unavailable:
    case Meaning::leaseMissing:
    case Meaning::leaseExists:
    case Meaning::compacted:
        throw LockStoreUnavailable(message);
    default:
        throw LockStoreError(message);
    }
}

void Gateway::refuseNonsense(const std::string& node, const std::string& what) const
{
    throw LockStoreError(subject(what) + ": the answer of " + node +
                         " makes no sense: is it a client URL of etcd, and does only this store write to the prefix?");
}

void Gateway::explain(const Net::CallFailure& failure, const std::string& what) const
{
    const std::string message =
        subject(what) + ": " + failure.what() +
        (failure.outcome() == Net::CallFailure::Outcome::notSent ? "; nothing was sent" : "; whether it took effect is unknown");
    if (failure.isPermanent())
        throw LockStoreError(message);
    throw LockStoreUnavailable(message);
}

std::string Gateway::subject(const std::string& what) const
{
    return what.empty() ? _place : "cannot " + what + " in the " + _place;
}

std::string Gateway::logIn(const CallContext& context)
{
    const std::string what = "authenticate the user";
    try
    {
        const auto answer =
            _transport.send({.method = "POST",
                             .path = "/v3/auth/authenticate",
                             .body = R"({"name":)" + jsonText(_options.user) + R"(,"password":)" + jsonText(_options.password) + '}'},
                            context);
        Reply reply{judge(answer), answer.body, answer.node};
        // As etcd's own clients do: a cluster whose authentication was switched off serves everybody.
        if (reply.verdict.meaning == Meaning::authenticationOff)
            return {};
        if (reply.verdict.meaning == Meaning::nodeFailed || reply.verdict.meaning == Meaning::wrongNode)
        {
            _transport.reportFailed(answer, reply.verdict.why);
            reply.verdict.meaning = Meaning::unavailable;
        }
        if (reply.verdict.meaning != Meaning::done)
            refuse(reply, what);
        const auto token = readToken(reply.body);
        if (!token)
            refuseNonsense(reply.node, what);
        return *token;
    }
    catch (const Net::CallFailure& failure)
    {
        explain(failure, what);
    }
}

} // namespace Leasehold::Etcd
