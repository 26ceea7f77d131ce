#pragma once

#include "CallLimit.h"
#include "EngineTrouble.h"
#include "LockOperations.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace Leasehold
{

/// What became of the operations of one call.
struct GroupReply
{
    Verdict verdict{};               ///< of the request that carried them; each item is to be judged by itself besides
    std::vector<EngineItem> items{}; ///< if the verdict is done: one per operation, in their order
    std::string node{};              ///< the address that answered, for messages
    bool contentRefused = false;     ///< the request was surely not carried out, because of something in it (400, 413)
};

/// Operations of many threads in few requests. While requests are under way the operations of other calls gather, and the next request
/// takes them all. A call that finds no other is sent at once, by itself, and pays nothing.
///
/// There is no thread of its own: of the calls that have gathered, the one with the latest deadline sends for all, so that the end of
/// its time cuts nobody short. Each call leaves at its own deadline or cancellation, although the request that carries it goes on. If the
/// call that sends is cancelled, the others' operations go out again with the next request; so only operations that may be sent
/// twice belong here: every verb but `BreakMode::now`.
///
/// One call's trouble is not another's: a request that hangs holds nobody up for longer than `patience`, and when a request is refused for
/// what is in it, each of its calls sends its own by itself.
class GroupCommit
{
public:
    using Operations = std::vector<LockOperation>;

    /// Sends the operations of these calls as one request, in this order. Throws HttpFailure if there is no answer. Is called by several
    /// threads at once.
    using Send = std::function<GroupReply(std::span<const Operations* const>, const CallLimit&)>;

    struct Bounds
    {
        std::size_t requests = 2;                ///< under way at once, unless they hang
        std::size_t items = 1000;                ///< in one request: one slow answer delays all that are in it
        std::size_t bytes = 900'000;             ///< in one request; many a proxy refuses more than 1 MB
        std::chrono::milliseconds patience{250}; ///< how long a call waits for requests under way before one more is sent
    };

    GroupCommit(Send send, const Bounds& bounds);
    GroupCommit(const GroupCommit&) = delete;
    GroupCommit& operator=(const GroupCommit&) = delete;

    /// Carries out the operations of one call, together and in their order. Throws HttpFailure if they have no answer by the limit.
    GroupReply carryOut(Operations operations, const CallLimit& limit);

    const Bounds& bounds() const noexcept { return _bounds; }

    /// How many calls wait to be sent.
    std::size_t gathered();

private:
    class Call;
    using Calls = std::vector<std::shared_ptr<Call>>;

    GroupReply await(const std::shared_ptr<Call>& call);
    void send(const std::shared_ptr<Call>& leader);
    void settle(const Calls& group, GroupReply& reply);
    void sendGathered(Calls& toWake);
    void leave(const std::shared_ptr<Call>& call);

    const Send _send;
    const Bounds _bounds;
    std::mutex _mutex; // what follows, and what becomes of each call
    std::deque<std::shared_ptr<Call>> _gathered;
    std::size_t _underWay = 0;
};

} // namespace Leasehold
