#include "fuzzing.h"

#include "LockSteps.h"
#include "PushEvent.h"
#include "Reply.h"
#include "ServerIdentity.h"
#include "ServerTrouble.h"
#include "preparation.h"

#include "Leasehold/Exceptions.h"

#include <array>
#include <vector>

namespace Leasehold::Fuzz
{

using namespace Redis;

namespace
{

const std::string token = "0123456789abcdef0123456789abcdef";
const std::string place = "redis store h:6379";

/// The replies in the bytes, which come in pieces of `piece`. They must be the same however they are cut.
std::vector<Reply> repliesIn(std::string_view bytes, std::size_t piece)
{
    std::vector<Reply> replies;
    ReplyReader reader;
    for (std::size_t begin = 0; begin < bytes.size(); begin += piece)
    {
        reader.feed(bytes.substr(begin, piece));
        while (auto reply = reader.next())
            replies.push_back(std::move(*reply));
    }
    return replies;
}

template <typename Work>
void readably(const Work& work)
{
    try
    {
        work();
    }
    catch (const LockStoreError& problem)
    {
        requireReadable(problem.message());
    }
}

void requireRecord(const LockRecord& record)
{
    require(record.fence > 0 && record.fence <= maxFence, "a record has a fence that is none");
    require(record.ttl.count() >= 0 && record.remaining.count() >= 0, "a record has a negative duration");
}

/// The reply of the script `steps` to one step of each kind.
void settleSteps(const Reply& reply)
{
    BatchStep acquire(AcquireRequest{.name = "a", .token = token, .ttl = Milliseconds{30'000}});
    BatchStep renewal(RenewRequest{{"b", token, 7}, Milliseconds{30'000}});
    BatchStep release(LeaseRef{"c", token, 7});
    const std::array steps{&acquire, &renewal, &release};
    readably([&] { settle(steps, reply, place); });
    for (const auto* const step : steps)
    {
        if (step->failure() != nullptr)
            requireReadable(step->failure()->message);
    }
    if (const auto* const acquired = acquire.replyAs<AcquireReply>(); acquired != nullptr && acquired->status != AcquireStatus::spent)
        requireRecord(acquired->record);
    if (const auto* const renewed = renewal.replyAs<RenewReply>(); renewed != nullptr && renewed->status == RenewStatus::renewed)
        require(renewed->remaining.count() > 0, "a renewed lease has no time left");
}

/// What the server says before it has any lock, and what it says of several.
void judgeOthers(const Reply& reply)
{
    readably([&] { requireReadable(ServerIdentity::of(reply, "h:6379").text()); });
    readably([&] { requireNoEviction(reply, place); });
    readably([&] { requireRights(reply, place); });
    readably([&] { requireDurable(reply, place); });
    readably([&] { namesIn(reply, place); });
    readably([&] { require(numberIn(reply, place) >= 0, "a negative number of records was forgotten"); });
    if (const auto address = ServerAddress::ofServer(reply.text))
    {
        require(address->port > 0, "a server has no port");
        if (!address->host.empty()) // else it is the host that answered
            requireReadable(address->text());
    }
}

void judgePush(const Reply& reply)
{
    static const Keys keys("p");
    const auto event = PushEvent::of(reply, keys);
    if (event.kind != PushEvent::Kind::other)
        require(reply.items[1].isText(keys.channels + event.name), "an event is of another channel");
    else
        require(event.name.empty(), "no event has a name");
}

void judge(const Reply& reply)
{
    if (reply.type == Reply::Type::error)
    {
        const auto trouble = troubleOf(reply.text);
        requireReadable(trouble.why);
        require((trouble.meaning == Meaning::moved) == trouble.address.has_value(), "a moved slot has no address");
    }
    settleSteps(reply);
    readably(
        [&]
        {
            if (const auto record = recordIn(reply, 1, "a", place))
                requireRecord(*record);
        });
    judgeOthers(reply);
    judgePush(reply);
}

} // namespace

void redisReply(std::string_view input)
{
    std::vector<Reply> whole;
    try
    {
        whole = repliesIn(input, input.size() + 1);
    }
    catch (const NotTheProtocol&)
    {
        return;
    }
    const auto cut = repliesIn(input, 1);
    require(cut.size() == whole.size(), "the number of replies depends on how the bytes are cut");
    for (const auto& reply : whole)
        judge(reply);
}

} // namespace Leasehold::Fuzz
