#pragma once

#include "Leasehold/SQLiteLockStore.h"
#include "Leasehold/Store/CallContext.h"

#include <atomic>
#include <memory>
#include <string>

namespace Leasehold
{

/// The clocks of a host, set by a test. Stores that use them see each change at once.
class TestHost
{
public:
    std::string bootId = "boot-1"; ///< read when a store opens its file
    std::atomic<std::int64_t> bootMs{1'000'000};
    std::atomic<std::int64_t> offsetMs{0}; ///< of the time namespace; read when a store opens its file
    std::atomic<std::int64_t> wallMs{1'800'000'000'000};

    SQLiteHostClocks clocks()
    {
        return {.bootId = [this] { return bootId; },
                .boottime = [this] { return std::chrono::nanoseconds(Milliseconds(bootMs + offsetMs)); },
                .boottimeOffset = [this] { return std::chrono::nanoseconds(Milliseconds(offsetMs)); },
                .wallClock = [this] { return std::chrono::microseconds(Milliseconds(wallMs)); }};
    }

    void advance(Milliseconds span)
    {
        bootMs += span.count();
        wallMs += span.count();
    }

    /// Reboots the host: it was down for `downtime`, and came up a second ago.
    void reboot(Milliseconds downtime)
    {
        bootId += "+";
        bootMs = 1'000;
        wallMs += downtime.count();
    }
};

/// A deadline that suffices for any successful call, also on a busy machine.
inline CallContext soon()
{
    return CallContext::within(std::chrono::seconds{30});
}

inline std::shared_ptr<SQLiteLockStore> openStore(const std::string& path, SQLiteHostClocks clocks = {})
{
    return std::make_shared<SQLiteLockStore>(SQLiteOptions{.path = path, .clocks = std::move(clocks)});
}

inline AcquireReply tryAcquire(LockStore& store, const std::string& name, const std::string& token,
                               Milliseconds ttl = std::chrono::seconds{30})
{
    return store.acquire({.name = name, .token = token, .ttl = ttl}, soon());
}

/// As tryAcquire, and throws std::runtime_error unless it is granted.
LeaseRef take(LockStore& store, const std::string& name, const std::string& token, Milliseconds ttl = std::chrono::seconds{30});

inline RenewStatus renew(LockStore& store, const LeaseRef& lease, Milliseconds ttl = std::chrono::seconds{30})
{
    const RenewRequest request{lease, ttl};
    return store.renew({&request, 1}, soon()).front().status;
}

} // namespace Leasehold
