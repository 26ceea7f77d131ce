#pragma once

#include "EngineAnswer.h"
#include "EngineTrouble.h"
#include "GroupCommit.h"
#include "HttpTransport.h"
#include "IndexMemory.h"
#include "LockOperations.h"

#include "Leasehold/ElasticsearchLockStore.h"

#include <algorithm>
#include <span>
#include <string>

namespace Leasehold
{

/// The requests of the store: how an operation travels, what its answer means, and the words for it when it fails. Thread-safe.
///
/// `what` is what the call was to do, for messages: "acquire the lock \"a\"".
class EngineClient
{
public:
    /// Does not connect. Throws LockConfigurationError.
    explicit EngineClient(ElasticsearchOptions options);

    const ElasticsearchOptions& options() const noexcept { return _options; }
    const std::string& addresses() const noexcept { return _transport.addresses(); }
    IndexMemory& index() noexcept { return _index; }
    const GroupCommit::Bounds& bounds() const noexcept { return _together.bounds(); }

    struct Reply
    {
        EngineAnswer answer{};
        Verdict verdict{};
        std::string body{};
        std::string node{};
    };
    /// One request. Throws if there is no answer; what the answer means is the caller's affair.
    Reply request(const HttpRequest& request, const std::string& what, const CallContext& context);

    /// What became of one operation.
    struct Carried
    {
        EngineItem item{};
        Verdict verdict{};
        std::string node{};
    };
    /// One operation, together with those of other threads if requests are under way. Returns only if it was carried out, or found no
    /// document or no index. It may be sent twice: see GroupCommit.
    Carried update(LockOperation operation, const std::string& what, const CallContext& context);
    /// The same by itself, and never sent twice.
    Carried updateOnce(LockOperation operation, const std::string& what, const CallContext& context);
    /// Several operations of one call: an item for each, by position.
    GroupReply updateAll(GroupCommit::Operations operations, const std::string& what, const CallContext& context);

    /// Makes and checks the index. Rights that are missing for that are no error: an operator may have made it.
    void ensureIndex(const CallContext& context);

    /// Throws while others may hold leases that a vanished index knew of.
    void requireNoneRemain(const std::string& what, Milliseconds ttl);

    /// Throws what the verdict of a reply asks for.
    template <typename AnyReply>
    [[noreturn]] void refuse(const AnyReply& reply, const std::string& what) const
    {
        refuse(reply.verdict, reply.node, what);
    }
    template <typename AnyReply>
    [[noreturn]] void refuseNonsense(const AnyReply& reply, const std::string& what) const
    {
        refuseNonsense(reply.node, what);
    }

    /// How long the engine may wait for a shard: it does not bound a request, but what is given up by us should not be done later.
    template <typename Limit>
    static Milliseconds engineTimeout(const Limit& limit)
    {
        const Milliseconds left = limit.timeLeft();
        return std::max(left - std::max(left / 10, Milliseconds(50)), Milliseconds(1));
    }

private:
    [[noreturn]] void refuse(const Verdict& verdict, const std::string& node, const std::string& what) const;
    [[noreturn]] void refuseNonsense(const std::string& node, const std::string& what) const;
    [[noreturn]] void explain(const HttpFailure& failure, const std::string& what) const;
    Reply send(const HttpRequest& request, const CallLimit& limit);
    GroupReply sendTogether(std::span<const GroupCommit::Operations* const> calls, const CallLimit& limit);
    Carried judged(GroupReply reply, const std::string& what);
    void makeIndex(const std::string& what, const CallContext& context);

    const ElasticsearchOptions _options;
    HttpTransport _transport;
    const std::string _place;
    IndexMemory _index;
    GroupCommit _together;
};

} // namespace Leasehold
