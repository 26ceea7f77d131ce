#pragma once

#include "LockScripts.h"
#include "Reply.h"

#include <string>

namespace Leasehold::Redis
{

/// What a server says on a connection that has subscribed to releases.
struct PushEvent
{
    enum class Kind
    {
        subscribed,
        unsubscribed, ///< also unasked, when the slot of the channel moves to another node
        released,
        other ///< for example the reply to PING
    };

    Kind kind = Kind::other;
    std::string name{}; ///< of the lock; empty if `other`

    /// A cluster puts an s in front of its words, because its channels belong to a slot.
    static PushEvent of(const Reply& reply, const Keys& keys);
};

} // namespace Leasehold::Redis
