#pragma once

#include "Leasehold/Durations.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

namespace Leasehold
{

/// What a proxy does to what passes through it.
enum class ProxyFault
{
    none,
    delay,     ///< everything arrives later, both ways
    cut,       ///< connections are reset, new ones too
    blackhole, ///< connections stay open and nothing arrives; what was held arrives when the fault ends, also if its sender is gone
    drip,      ///< of the replies, one byte every 50 ms arrives
    dropReply  ///< requests arrive and take effect; of their replies, every other one is dropped and its connection reset
};

/// "none", "delay" ...
const char* toString(ProxyFault fault);

/// A TCP proxy on the loopback that behaves as badly as it is told to. One thread of its own; may be told from any thread.
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

    /// From now on. `delay` is that of ProxyFault::delay. Returns when it is so.
    void set(ProxyFault fault, Milliseconds delay = Milliseconds{0});

    /// Connections so far, and replies dropped so far.
    std::uint64_t connections() const noexcept { return _connections; }
    std::uint64_t droppedReplies() const noexcept { return _dropped; }
    /// Requests that were delivered although their sender had given up and gone.
    std::uint64_t lateRequests() const noexcept { return _late; }
    /// When the last request came in that has been answered since: nanoseconds since 1970 by the clock of the host; 0: none has.
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
