#include "LockSteps.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <array>

namespace Leasehold::Redis
{
namespace
{

/// The arguments of the script for each step.
constexpr std::size_t wordsOfStep = 8;
constexpr std::int64_t greatestTime = std::int64_t{1} << 53;

std::string text(Milliseconds duration)
{
    return std::to_string(std::max<std::int64_t>(duration.count(), 0));
}

bool isTime(const Reply& reply)
{
    return reply.type == Reply::Type::integer && reply.integer >= 0 && reply.integer <= greatestTime;
}

bool isFence(const Reply& reply)
{
    return reply.type == Reply::Type::integer && reply.integer > 0 && static_cast<Fence>(reply.integer) <= maxFence;
}

[[noreturn]] void refuseDamaged(const std::string& name, const std::string& place)
{
    throw LockStoreError(place + ": the record of the lock \"" + name +
                         "\" is damaged: another program has written to its key. Delete the key when nobody holds the lock");
}

/// fence, acquired, ends, ttl and broken from `first` on, and the metadata if `hasMetadata`.
LockRecord recordOf(const Reply& reply, std::size_t first, std::int64_t now, const std::string& name, bool hasMetadata,
                    const std::string& place)
{
    const auto& items = reply.items;
    if (items.size() < first + 5 || !isFence(items[first]) || !isTime(items[first + 1]) || !isTime(items[first + 2]) ||
        !isTime(items[first + 3]) || items[first + 4].type != Reply::Type::integer)
        refuseNonsense(place);
    LockRecord record;
    record.name = name;
    record.fence = static_cast<Fence>(items[first].integer);
    record.acquiredAt = StorageTime(Milliseconds(items[first + 1].integer));
    record.expiresAt = StorageTime(Milliseconds(items[first + 2].integer));
    record.ttl = Milliseconds(items[first + 3].integer);
    record.remaining = Milliseconds(std::max<std::int64_t>(items[first + 2].integer - now, 0));
    record.broken = items[first + 4].integer != 0;
    if (!hasMetadata)
        return record;
    if (items.size() != first + 6 || items[first + 5].type != Reply::Type::text)
        refuseNonsense(place);
    record.metadata = items[first + 5].text;
    return record;
}

/// The outcome of an acquire that is neither granted nor held.
AcquireReply withoutRecord(const AcquireRequest& request, const Reply& reply, const std::string& place)
{
    const auto& status = reply.items[0];
    if (status.isText("spent"))
        return {AcquireStatus::spent, {.name = request.name}};
    if ((status.isText("quiet") || status.isText("vanished")) && reply.items.size() == 2)
    {
        const std::string left = std::to_string(reply.items[1].integer) + " ms";
        if (status.isText("quiet"))
            throw LockStoreUnavailable(place +
                                       ": the server has just started, was replaced, or lost its data, so it grants nothing for another " +
                                       left + ": earlier holders may still work");
        throw LockStoreUnavailable(place + ": another program deleted the record of the lock \"" + request.name +
                                   "\", so it is not granted for " + left + ": its holder may still work");
    }
    if (status.isText("overflow") && reply.items.size() == 3)
        throw LockStoreError(place + ": the next fence of the lock \"" + request.name + "\" would exceed the maximum, " +
                             std::to_string(maxFence) + " (its last is " + std::to_string(reply.items[1].integer) +
                             ", the floor asked for " + std::to_string(request.fenceFloor) + ", the server's clock " +
                             std::to_string(reply.items[2].integer) +
                             "): nothing was granted; repair the record or the clock of the server");
    if (status.isText("trouble"))
        refuseDamaged(request.name, place);
    refuseNonsense(place);
}

AcquireReply acquireReply(const AcquireRequest& request, const Reply& reply, std::int64_t now, const std::string& place)
{
    if (reply.type != Reply::Type::array || reply.items.empty())
        refuseNonsense(place);
    const auto& status = reply.items[0];
    if (status.isText("held"))
        return {AcquireStatus::held, recordOf(reply, 1, now, request.name, true, place)};
    if (!status.isText("granted"))
        return withoutRecord(request, reply, place);
    const bool isReplay = reply.items.size() > 6;
    AcquireReply granted{AcquireStatus::granted, recordOf(reply, 1, now, request.name, isReplay, place)};
    if (!isReplay)
        granted.record.metadata = request.metadata;
    return granted;
}

RenewReply renewReply(const RenewRequest& request, const Reply& reply, const std::string& place)
{
    if (reply.isArrayOf(1) && reply.items[0].isText("trouble"))
        refuseDamaged(request.lease.name, place);
    if (reply.type != Reply::Type::integer || reply.integer < -1 || reply.integer > greatestTime)
        refuseNonsense(place);
    if (reply.integer <= 0)
        return {.status = RenewStatus::lost, .broken = reply.integer < 0};
    return {.status = RenewStatus::renewed, .remaining = Milliseconds(reply.integer)};
}

ReleaseReply releaseReply(const LeaseRef& lease, const Reply& reply, const std::string& place)
{
    if (reply.isArrayOf(1) && reply.items[0].isText("trouble"))
        refuseDamaged(lease.name, place);
    if (reply.type != Reply::Type::integer || reply.integer < -1 || reply.integer > 2)
        refuseNonsense(place);
    if (reply.integer <= 0)
        return {.status = ReleaseStatus::notHeld, .broken = reply.integer < 0};
    return {.status = ReleaseStatus::released, .wanted = reply.integer == 2};
}

} // namespace

std::string encodedStep(const BatchStep& step)
{
    std::string bytes;
    const auto add = [&bytes](const std::array<std::string_view, wordsOfStep>& words)
    {
        for (const auto word : words)
            appendWord(bytes, word);
    };
    const auto addEnd = [&add](const char* operation, const LeaseRef& lease, Milliseconds ttl) {
        add({operation, lease.name, lease.token, std::to_string(lease.fence), text(ttl), "", "0", "0"});
    };
    if (const auto* const renewal = step.renewal())
        addEnd("n", renewal->lease, renewal->ttl);
    else if (const auto* const lease = step.release())
        addEnd("r", *lease, {});
    else
    {
        const auto& request = *step.acquire();
        bytes.reserve(request.name.size() + request.token.size() + request.metadata.size() + 128);
        add({"a", request.name, request.token, std::to_string(std::min(request.fenceFloor, maxFence)), text(request.ttl), request.metadata,
             std::to_string(std::min(request.reservedFences, maxFence)), text(request.wantedFor)});
    }
    return bytes;
}

void addSteps(Commands& commands, std::span<BatchStep* const> steps, const Keys& keys, const Session& session)
{
    constexpr std::size_t otherWords = 9;
    const bool mayTakeMemory = std::any_of(steps.begin(), steps.end(), [](const auto* step) { return step->acquire() != nullptr; });
    commands.begin("EVALSHA", otherWords + steps.size() * (wordsOfStep + 1));
    commands.addWord(digestOf(mayTakeMemory ? Script::steps : Script::renewEnd));
    commands.addWord(std::to_string(3 + steps.size()));
    for (const auto& key : {keys.era, keys.names, keys.ages})
        commands.addWord(key);
    for (const auto* const step : steps)
        commands.addWord(keys.lock(step->name()));
    commands.addWord(session.tag);
    commands.addWord(LockServer::publishingCommand(session));
    commands.addWord(keys.channels);
    for (const auto* const step : steps)
        commands.bytes += step->encoded();
}

Milliseconds settle(std::span<BatchStep* const> steps, const Reply& reply, const std::string& place)
{
    constexpr std::size_t first = 3;
    if (!reply.isArrayOf(first + steps.size()) || !reply.items[0].isText("ok") || !isTime(reply.items[1]) || !isTime(reply.items[2]))
        refuseNonsense(place);
    const auto now = reply.items[1].integer;
    for (std::size_t index = 0; index < steps.size(); ++index)
    {
        auto& step = *steps[index];
        const auto& item = reply.items[first + index];
        try
        {
            if (const auto* const renewal = step.renewal())
                step.reply(renewReply(*renewal, item, place));
            else if (const auto* const lease = step.release())
                step.reply(releaseReply(*lease, item, place));
            else
                step.reply(acquireReply(*step.acquire(), item, now, place));
        }
        catch (const LockStoreError& problem)
        {
            step.fail(problem); // of this step only
        }
    }
    return Milliseconds(reply.items[2].integer);
}

void failUnconfirmed(std::span<BatchStep* const> steps, const std::string& why)
{
    for (auto* const step : steps)
    {
        const auto* const acquired = step->replyAs<AcquireReply>();
        const auto* const renewed = step->replyAs<RenewReply>();
        if ((acquired != nullptr && acquired->status == AcquireStatus::granted) ||
            (renewed != nullptr && renewed->status == RenewStatus::renewed))
            step->fail(LockStoreUnavailable(why));
    }
}

std::vector<std::string> namesIn(const Reply& reply, const std::string& place)
{
    if (reply.type != Reply::Type::array)
        refuseNonsense(place);
    std::vector<std::string> names;
    for (const auto& item : reply.items)
    {
        if (item.type != Reply::Type::text)
            refuseNonsense(place);
        names.push_back(item.text);
    }
    return names;
}

std::int64_t numberIn(const Reply& reply, const std::string& place)
{
    if (!reply.isArrayOf(2) || !reply.items[0].isText("ok") || reply.items[1].type != Reply::Type::integer || reply.items[1].integer < 0)
        refuseNonsense(place);
    return reply.items[1].integer;
}

std::optional<LockRecord> recordIn(const Reply& reply, std::size_t index, const std::string& name, const std::string& place)
{
    if (reply.type != Reply::Type::array || reply.items.size() <= index || !isTime(reply.items[0]))
        refuseNonsense(place);
    const auto& item = reply.items[index];
    if (item.isText("trouble"))
        refuseDamaged(name, place);
    if (item.type == Reply::Type::integer)
        return std::nullopt;
    return recordOf(item, 0, reply.items[0].integer, name, true, place);
}

} // namespace Leasehold::Redis
