#include "LateVerb.h"

#include <stdexcept>

namespace Leasehold
{

LateVerb lateAcquire()
{
    return {.name = "acquire", .send = [](LockStore& store, const LeaseRef& lease, const CallContext& context) {
                store.acquire({.name = lease.name, .token = lease.token, .ttl = lateTtl}, context);
            }};
}

LateVerb lateRenewal()
{
    return {.name = "renew",
            .send = [](LockStore& store, const LeaseRef& lease, const CallContext& context)
            {
                const std::vector<RenewRequest> requests{{lease, lateTtl}};
                store.renew(requests, context);
            }};
}

LateVerb lateRelease()
{
    return {.name = "release",
            .send = [](LockStore& store, const LeaseRef& lease, const CallContext& context) { store.release(lease, context); }};
}

LateVerb lateBreak(BreakMode mode)
{
    return {.name = mode == BreakMode::now ? "break now" : "break for its end",
            .send = [mode](LockStore& store, const LeaseRef& lease, const CallContext& context)
            { store.breakLock(lease.name, lease.fence, mode, context); },
            .mayKeepTaken = mode == BreakMode::whenItEnds,
            .mayRefuseRelease = true};
}

LateVerb latePrune()
{
    return {.name = "prune",
            .send = [](LockStore& store, const LeaseRef&, const CallContext& context) { store.prune(Milliseconds{1}, context); },
            .ofALease = false};
}

LateVerb lateVerb(const std::string& name)
{
    for (auto verb :
         {lateAcquire(), lateRenewal(), lateRelease(), lateBreak(BreakMode::now), lateBreak(BreakMode::whenItEnds), latePrune()})
        if (verb.name == name)
            return verb;
    throw std::logic_error("the kit has no late verb \"" + name + "\"");
}

} // namespace Leasehold
