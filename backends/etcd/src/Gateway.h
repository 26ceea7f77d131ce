#pragma once

#include "EtcdAnswer.h"
#include "EtcdTrouble.h"
#include "TokenKeeper.h"
#include "net/HttpTransport.h"

#include "Leasehold/EtcdLockStore.h"

#include <memory>
#include <optional>
#include <string>

namespace Leasehold::Etcd
{

/// Sends requests to the JSON gateway, logs in when it must, and words the failures. Thread-safe. Must not be used in a forked child.
///
/// `what`: the purpose of the call, for messages: "find the lock \"a\""; empty: the caller adds it.
class Gateway
{
public:
    /// Does not connect. Throws LockConfigurationError.
    explicit Gateway(const EtcdOptions& options);

    const std::string& addresses() const noexcept { return _transport.addresses(); }
    const std::string& prefix() const noexcept { return _options.prefix; }
    /// "etcd store http://host:2379, prefix leasehold".
    const std::string& place() const noexcept { return _place; }
    /// The failures of nodes whose work other nodes did; empty: none.
    std::string troubles() const { return _transport.troubles(); }
    /// The servers ask for a token.
    bool hasUser() const noexcept { return _tokens.has_value(); }

    struct Reply
    {
        Verdict verdict{};
        std::string body{};
        std::string node{};
    };
    /// Sends one request. It sends it again only if the first surely changed nothing: once with a new token, or to another node. Throws
    /// Net::CallFailure if there is no answer, and LockStoreUnavailable or LockStoreError if it cannot log in.
    Reply send(const char* path, const std::string& body, const CallContext& context);
    /// As send, with the exceptions of a store instead of CallFailure.
    Reply post(const char* path, const std::string& body, const std::string& what, const CallContext& context);
    /// A Txn that must be carried out; throws otherwise.
    TxnAnswer txn(const std::string& body, const std::string& what, const CallContext& context);
    /// The server's version; nullopt: it does not tell.
    std::optional<std::string> version(const CallContext& context);
    /// Asks each node but the one that answered last, so that `troubles` knows the state of all nodes.
    void visitOthers(const CallContext& context) { _transport.visitOthers({"GET", "/version", {}}, context); }

    /// Begins a request whose answer has no end. Throws LockStoreUnavailable or LockStoreError.
    std::unique_ptr<Net::HttpStream> stream(const char* path, const std::string& body, const CallContext& context);
    /// Logs in again for the next request: a stream does not tell a refused token as other requests do.
    void forgetToken();

    [[noreturn]] void refuse(const Reply& reply, const std::string& what) const;
    [[noreturn]] void refuseNonsense(const std::string& node, const std::string& what) const;
    /// Throws the exception for a request without an answer.
    [[noreturn]] void explain(const Net::CallFailure& failure, const std::string& what) const;

private:
    std::string subject(const std::string& what) const;
    std::string logIn(const CallContext& context);

    const EtcdOptions _options;
    Net::HttpTransport _transport;
    const std::string _place;
    std::optional<TokenKeeper> _tokens;
};

} // namespace Leasehold::Etcd
