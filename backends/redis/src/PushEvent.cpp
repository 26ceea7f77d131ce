#include "PushEvent.h"

namespace Leasehold::Redis
{

// {word, channel, number of subscriptions or the message}.
PushEvent PushEvent::of(const Reply& reply, const Keys& keys)
{
    if (!reply.isArrayOf(3) || !reply.items[1].text.starts_with(keys.channels))
        return {};
    const auto is = [&reply](const char* word, const char* inCluster)
    { return reply.items[0].isText(word) || reply.items[0].isText(inCluster); };
    const auto name = reply.items[1].text.substr(keys.channels.size());
    if (is("subscribe", "ssubscribe"))
        return {Kind::subscribed, name};
    if (is("unsubscribe", "sunsubscribe"))
        return {Kind::unsubscribed, name};
    if (is("message", "smessage"))
        return {Kind::released, name};
    return {};
}

} // namespace Leasehold::Redis
