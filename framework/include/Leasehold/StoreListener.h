#pragma once

#include <string>

namespace Leasehold
{

struct LeaseRef;

/// What a store that hears by itself (a session, a subscription) tells its user. Called from the store's own threads;
/// must return quickly and must not throw. A hint only: no rule depends on it being called.
class StoreListener
{
public:
    virtual ~StoreListener() = default;

    /// The storage no longer holds this lease for us.
    virtual void lost(const LeaseRef& lease) = 0;

    /// An acquire of this name may succeed now.
    virtual void mayBeFree(const std::string& name) = 0;
};

} // namespace Leasehold
