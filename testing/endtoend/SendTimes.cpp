#include "SendTimes.h"

namespace Leasehold
{

SendTimes::Extension SendTimes::lastExtension(const std::string& name) const
{
    const std::lock_guard guard(_mutex);
    return _extensions.at(name);
}

AcquireReply SendTimes::acquire(const AcquireRequest& request, const CallContext& context)
{
    const auto sent = hostTime();
    auto reply = _inner->acquire(request, context);
    if (reply.status == AcquireStatus::granted)
    {
        const std::lock_guard guard(_mutex);
        _extensions[request.name] = {sent, reply.record.remaining, 0};
    }
    return reply;
}

std::vector<RenewReply> SendTimes::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    const auto sent = hostTime();
    auto replies = _inner->renew(requests, context);
    const std::lock_guard guard(_mutex);
    for (std::size_t i = 0; i < replies.size(); ++i)
    {
        auto& extension = _extensions[requests[i].lease.name];
        if (replies[i].status == RenewStatus::renewed)
            extension = {sent, replies[i].remaining, extension.renewals + 1};
    }
    return replies;
}

} // namespace Leasehold
