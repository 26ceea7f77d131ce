#include "EtcdTrouble.h"

#include "EtcdAnswer.h"

#include <algorithm>
#include <string_view>

namespace Leasehold::Etcd
{

namespace
{

/// The codes of gRPC.
enum Code
{
    cancelled = 1,
    unknown = 2,
    invalidArgument = 3,
    deadlineExceeded = 4,
    notFound = 5,
    permissionDenied = 7,
    resourceExhausted = 8,
    failedPrecondition = 9,
    aborted = 10,
    outOfRange = 11,
    unimplemented = 12,
    internal = 13,
    unavailable = 14,
    dataLoss = 15,
    unauthenticated = 16
};

struct Rule
{
    int code;
    std::string_view phrase; // in the message; empty: any
    Meaning meaning;
    const char* advice;
};

// The first rule that fits counts.
constexpr Rule rules[] = {
    {notFound, "requested lease not found", Meaning::leaseMissing, "the lease of the request has ended"},
    {notFound, "", Meaning::permanent, "the server does not know this request: is it etcd 3.4 or newer, with its JSON gateway?"},
    {failedPrecondition, "lease already exists", Meaning::leaseExists, "the id of the new lease is taken"},
    {failedPrecondition, "authentication is not enabled", Meaning::authenticationOff, "authentication is off"},
    {outOfRange, "has been compacted", Meaning::compacted, "the revision was compacted during the call"},
    {outOfRange, "is a future revision", Meaning::unavailable, "the storage was set back during the call"},
    {unauthenticated, "", Meaning::tokenRefused, "the token is refused again and again"},
    {invalidArgument, "revision of auth store is old", Meaning::tokenRefused, "users or roles change all the time"},
    {invalidArgument, "user name is empty", Meaning::tokenRefused,
     "authentication is on: set the keys leasehold.store.etcd.user and leasehold.store.etcd.password"},
    {invalidArgument, "authentication failed", Meaning::permanent, "the credentials are refused: check user and password"},
    {invalidArgument, "CommonName of client", Meaning::permanent,
     "the JSON gateway accepts no client certificate with a CN while authentication is on: use a certificate without a CN"},
    {permissionDenied, "", Meaning::permanent,
     "the user has no right to the keys of the prefix: grant READWRITE on all keys that begin with it"},
    {invalidArgument, "too many operations", Meaning::permanent,
     "the servers allow fewer operations in a Txn: set leasehold.store.etcd.max_txn_ops to their --max-txn-ops"},
    {invalidArgument, "request is too large", Meaning::contentRefused,
     "the request is too large: raise --max-request-bytes of the servers"},
    {resourceExhausted, "database space exceeded", Meaning::unavailable,
     "the database has no space left: compact and defragment it, or raise --quota-backend-bytes, then disarm the alarm NOSPACE"},
    {resourceExhausted, "larger than max", Meaning::contentRefused, "the request is too large: raise --max-request-bytes of the servers"},
    {resourceExhausted, "", Meaning::unavailable, "the cluster is overloaded"},
    {Code::unavailable, "not supported for learner", Meaning::wrongNode, "this node is a learner and does not serve"},
    {unknown, "raft: stopped", Meaning::nodeFailed, "this node has stopped, or was removed from the cluster"},
    {unknown, "", Meaning::nodeFailed, "the node could not carry it out in time"},
    {deadlineExceeded, "", Meaning::nodeFailed, "the node could not carry it out in time: has the cluster a quorum?"},
    {Code::unavailable, "no leader", Meaning::nodeFailed, "this node knows no leader: has the cluster a quorum?"},
    {Code::unavailable, "", Meaning::nodeFailed, "the cluster could not carry it out: has it a quorum and a leader?"},
    {cancelled, "", Meaning::nodeFailed, "the node broke the request off"},
    {aborted, "", Meaning::unavailable, "the node broke the request off"},
    {internal, "", Meaning::nodeFailed, "the node has an internal failure"},
    {dataLoss, "", Meaning::permanent, "the cluster is corrupt: an operator must repair it"},
    {unimplemented, "", Meaning::permanent, "the server is too old: use etcd 3.4 or newer"},
};

/// etcd's own messages have a fixed text. Others may repeat a part of the request.
std::string shownMessage(const std::string& message)
{
    constexpr std::size_t longest = 120;
    const bool isKnown =
        std::any_of(std::begin(rules), std::end(rules),
                    [&](const Rule& rule) { return !rule.phrase.empty() && message.find(rule.phrase) != std::string::npos; });
    const bool isPlain =
        message.size() <= longest && std::all_of(message.begin(), message.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
    const bool isEtcds = message.starts_with("etcdserver: ") || message.starts_with("raft: ") || message.starts_with("auth: ") ||
                         message == "context deadline exceeded";
    return isPlain && (isKnown || isEtcds) ? " (" + message + ")" : std::string();
}

std::string statusText(int status)
{
    return "status " + std::to_string(status);
}

/// The body is not an answer of etcd: perhaps of a proxy, or of a server without its gateway.
Verdict judgeForeign(int status, const std::string& contentType)
{
    const std::string what = statusText(status) + " and a body that is not etcd's JSON";
    if (status == 404)
        return {Meaning::permanent,
                what +
                    ": is the JSON gateway off (--enable-grpc-gateway), is this etcd older than 3.4, or is the address not that of etcd?"};
    if (status == 401 || status == 403 || status == 407)
        return {Meaning::permanent, what + ": a proxy in front of etcd refuses the request"};
    if (contentType.starts_with("text/plain") && status == 400)
        return {Meaning::permanent, what + ": does the address need https, or does the server refuse the client certificate?"};
    if (status >= 300 && status < 400)
        return {Meaning::permanent, what + ": the address redirects: give the address that it leads to"};
    if (status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504))
        return {Meaning::unavailable, what + ": it comes from a proxy in front of etcd, or the address is not that of etcd"};
    return {Meaning::permanent, what + ": is this address a client URL of etcd?"};
}

} // namespace

Verdict judge(const Net::HttpAnswer& answer)
{
    if (answer.status == 200)
        return {Meaning::done, {}};
    // A certificate with a CN is refused in plain text.
    if (answer.body.find("CommonName of client") != std::string::npos)
        return judgeError(answer.status, R"({"code":3,"message":"CommonName of client"})");
    if (!readError(answer.body))
        return judgeForeign(answer.status, answer.contentType);
    return judgeError(answer.status, answer.body);
}

Verdict judgeError(int status, const std::string& body)
{
    const auto error = readError(body);
    if (!error)
        return judgeForeign(status, {});
    const auto* const rule =
        std::find_if(std::begin(rules), std::end(rules),
                     [&](const Rule& one) { return one.code == error->code && error->message.find(one.phrase) != std::string::npos; });
    const std::string what = statusText(status) + ", code " + std::to_string(error->code) + shownMessage(error->message);
    if (rule == std::end(rules))
        return {Meaning::permanent, what};
    return {rule->meaning, what + ": " + rule->advice};
}

} // namespace Leasehold::Etcd
