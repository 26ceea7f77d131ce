#pragma once

#include "EngineAnswer.h"
#include "EngineTrouble.h"
#include "LockOperations.h"
#include "net/HttpTransport.h"

#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/Store/Batch.h"
#include "Leasehold/Store/VanishedStorageGuard.h"

#include <algorithm>
#include <span>
#include <string>

namespace Leasehold::Elasticsearch
{

/// Sends the requests of the store, judges the answers, and words the failures. Thread-safe. Must not be used in a forked child, because
/// the connections belong to the parent.
///
/// `what`: the purpose of the call, for messages: "find the lock \"a\""; empty: the caller adds it.
class EngineClient
{
public:
    /// Does not connect. Throws LockConfigurationError.
    explicit EngineClient(ElasticsearchOptions options);

    const ElasticsearchOptions& options() const noexcept { return _options; }
    const std::string& addresses() const noexcept { return _transport.addresses(); }
    /// "elasticsearch store http://host:9200, index leasehold".
    const std::string& place() const noexcept { return _place; }
    /// The failures of nodes whose work other nodes did; empty: none.
    std::string troubles() const { return _transport.troubles(); }

    struct Reply
    {
        EngineAnswer answer{};
        Verdict verdict{};
        std::string body{};
        std::string node{};
    };
    /// Sends one request. Throws if there is no answer. The caller must judge the answer.
    Reply request(Net::HttpRequest request, const std::string& what, const CallContext& context);

    /// Asks each node but the one that answered last for its front page, so that `troubles` knows the state of all nodes.
    void visitOthers(const CallContext& context)
    {
        _transport.visitOthers({.method = "GET", .path = "/", .authorization = _authorization}, context);
    }

    /// The outcome of one operation.
    struct Carried
    {
        EngineItem item{};
        Verdict verdict{};
        std::string node{};
    };
    /// Sends one operation in a request of its own, once. Returns only if it was carried out, or found no document or no index.
    Carried update(const LockOperation& operation, const std::string& what, const CallContext& context);
    /// Judges one operation by its answer. Returns and throws as update does.
    Carried judged(Verdict request, EngineItem item, const std::string& node, const std::string& what);

    /// The outcomes of the steps of a batch.
    struct Updates
    {
        Verdict verdict{};               ///< of the request; the caller must also judge each item
        std::vector<EngineItem> items{}; ///< an item for each step, by position; empty ones if there is no index
        std::string node{};              ///< the address that answered, for messages
    };
    /// Sends the encoded steps in one request. Returns only if the request was carried out or there is no index. Notes in the batch what is
    /// known about a failure.
    Updates updateAll(std::span<BatchStep* const> steps, Batch& batch);

    /// Whether there is an index behind the alias; throws LockStoreError if the store cannot use it. True if this user has no right to
    /// look, because an operator may have made the index.
    bool checkIndex(const CallContext& context);
    /// Checks the index, and makes it if it is missing.
    void ensureIndex(const CallContext& context);

    /// Notes that an answer showed an index behind the alias, and its UUID if known. A changed UUID means that the index was replaced.
    void indexFound(const std::string& uuid = {}) { _index.found(uuid, LocalClock::now()); }
    /// Notes that an answer showed no index behind the alias.
    void indexMissing() { _index.missing(LocalClock::now()); }
    /// Throws LockStoreUnavailable while other processes may still hold leases of an index that vanished.
    void requireGrantsAllowed(const std::string& what, Milliseconds ttl);

    /// Throws the exception that the verdict of a reply requires.
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

    /// How long the engine may wait for a shard. It is no bound on a request: it only keeps the engine from carrying out a request late,
    /// when the call has ended.
    static Milliseconds engineTimeout(const CallContext& context)
    {
        const Milliseconds left = context.timeLeft();
        return std::max(left - std::max(left / 10, Milliseconds(50)), Milliseconds(1));
    }

private:
    [[noreturn]] void refuse(const Verdict& verdict, const std::string& node, const std::string& what) const;
    [[noreturn]] void refuseNonsense(const std::string& node, const std::string& what) const;
    [[noreturn]] void explain(const Net::CallFailure& failure, const std::string& what) const;
    std::string subject(const std::string& what) const;
    Reply send(Net::HttpRequest request, const CallContext& context);
    Reply sendUpdate(const std::string& id, std::string body, const CallContext& context);
    void makeIndex(const std::string& what, const CallContext& context);

    const ElasticsearchOptions _options;
    const std::string _authorization; // empty: none
    Net::HttpTransport _transport;
    const std::string _place;
    VanishedStorageGuard _index;
};

} // namespace Leasehold::Elasticsearch
