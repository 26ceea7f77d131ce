#include "fuzzing.h"

#include "EtcdAnswer.h"
#include "EtcdTrouble.h"
#include "EtcdVersion.h"
#include "LockMemory.h"
#include "StepOperations.h"
#include "base64.h"

#include <algorithm>

namespace Leasehold::Fuzz
{

using namespace Etcd;

namespace
{

const LeaseRef lease{"a", "0123456789abcdef0123456789abcdef", 1764338400000000};

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

/// Checks that only an answer that says so counts as a grant, a renewal or a release.
void requireSense(const Response& answer, const std::string& body)
{
    if (const auto outcome = readAcquire(answer, tokenHash(lease.name, lease.token)))
    {
        const bool isGranted = outcome->kind == AcquireOutcome::Kind::granted;
        require(!isGranted || (contains(body, "succeeded") && contains(body, "response_put")), "a grant has written");
        require(isGranted || outcome->kind == AcquireOutcome::Kind::spent || outcome->state.memory, "an outcome knows the last grant");
        const bool isHeld = outcome->kind == AcquireOutcome::Kind::held || outcome->kind == AcquireOutcome::Kind::replayed;
        require(!isHeld || outcome->state.lease.value_or(0) > 0, "a lock that is held hangs on a lease");
    }
    if (const auto reply = readRenewal(answer, {lease, Milliseconds{30'000}}))
    {
        require(reply->status != RenewStatus::renewed || (answer.succeeded && contains(body, "response_put")), "a renewal has written");
        require(!reply->broken || reply->status == RenewStatus::lost, "only a lost lock is told as broken");
    }
    if (const auto reply = readRelease(answer, lease, 1764338400000000))
    {
        require(!reply->wanted || reply->status == ReleaseStatus::released, "only a lock that was released is told as wanted");
        require(!reply->broken || reply->status == ReleaseStatus::notHeld, "only a lock that is not held is told as broken");
    }
    for (const auto& response : answer.responses)
        requireSense(response, body);
}

void requireReadableVerdict(const Verdict& verdict)
{
    require(verdict.meaning != Meaning::done, "a failure is not done");
    requireReadable(verdict.why);
    require(verdict.why.size() < 500, "a verdict is short");
}

} // namespace

void etcdAnswer(std::string_view input)
{
    const std::string body(input);
    if (const auto answer = readTxn(body))
    {
        requireSense(answer->txn, body);
        readState(answer->txn.responses);
        readState(answer->txn.responses, 1);
    }
    if (const auto told = readLease(body))
        require(told->id != 0, "a lease has an id");
    if (const auto line = readWatchLine(body))
        require(line->put.empty() || contains(body, "events"), "an event was told");
    if (const auto token = readToken(body))
        require(std::all_of(token->begin(), token->end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; }), "a token fits in a field");
    if (const auto version = readVersion(body))
    {
        requireReadable(*version);
        isTooOld(*version);
        canCorrupt(*version);
    }
    for (const int status : {301, 400, 401, 404, 412, 429, 500, 503})
    {
        requireReadableVerdict(judgeError(status, body));
        requireReadableVerdict(judge({.status = status, .contentType = "text/plain", .body = body}));
    }
    require(judge({.status = 200, .body = body}).meaning == Meaning::done, "status 200 is an answer to read");

    if (const auto memory = LockMemory::read(input))
    {
        require(memory->fence <= maxFence, "a fence has its limit");
        require(memory->text() == body, "a memory is written as it was read");
    }
    if (const auto bytes = fromBase64(input))
        require(fromBase64(base64(*bytes)) == bytes, "base64 gives the bytes back");
}

} // namespace Leasehold::Fuzz
