#pragma once

#include "Leasehold/Durations.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

namespace Leasehold
{

/// The faults of a proxy.
enum class ProxyFault
{
    none,
    delay,     ///< requests and replies arrive later
    cut,       ///< present and new connections are reset
    blackhole, ///< connections stay open and nothing arrives; held bytes arrive when the fault ends, even if their sender has closed
    drip,      ///< replies arrive at one byte per 50 ms
    dropReply  ///< requests take effect, but half of the replies, chosen at random, are dropped and their connections reset
};

/// "none", "delay" ...
const char* toString(ProxyFault fault);

/// A TCP proxy on the loopback that causes faults on demand. It has one thread; its functions may be called from any thread.
class FaultyProxy
{
public:
    /// Listens on a free port and connects to `targetPort` of the loopback for each connection. `seed` chooses which replies are
    /// dropped.
    FaultyProxy(int targetPort, std::uint64_t seed);
    ~FaultyProxy();
    FaultyProxy(const FaultyProxy&) = delete;
    FaultyProxy& operator=(const FaultyProxy&) = delete;

    int port() const noexcept { return _port; }

    /// Sets the fault, and returns when it is in effect. `delay`: for ProxyFault::delay.
    void set(ProxyFault fault, Milliseconds delay = Milliseconds{0});

    /// The numbers of connections and of dropped replies so far.
    std::uint64_t connections() const noexcept { return _connections; }
    std::uint64_t droppedReplies() const noexcept { return _dropped; }
    /// The number of requests that were delivered after their sender had closed its connection.
    std::uint64_t lateRequests() const noexcept { return _late; }
    /// When the last answered request came in, in nanoseconds since 1970 by the host's clock; 0: none was answered.
    std::int64_t lastAnsweredRequest() const noexcept { return _answered; }

private:
    class Loop;

    int _port = 0;
    std::atomic<std::uint64_t> _connections{0}, _dropped{0}, _late{0};
    std::atomic<std::int64_t> _answered{0};
    std::unique_ptr<Loop> _loop;
    std::thread _thread;
};

} // namespace Leasehold
