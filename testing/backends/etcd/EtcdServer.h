#pragma once

#include "Leasehold/ServerProcess.h"
#include "net/HttpTransport.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace Leasehold
{

enum class EtcdKind
{
    etcd34,
    etcd35
};

const char* toString(EtcdKind kind) noexcept;
/// "etcd34" or "etcd35"; throws std::invalid_argument for another text.
EtcdKind etcdKind(const std::string& name);

/// How a server is started, beside its ports and folders.
struct EtcdSetup
{
    std::vector<std::string> arguments{}; ///< further ones
    Net::TlsFiles tls{};                  ///< of the clients; with a CA the server speaks https
    std::string serverCertificate{}, serverKey{};
    std::string dataFolder{}; ///< empty: in the folder of the server
    std::string logLevel = "warn";
};

/// A real server of etcd.
class EtcdServer : public ServerProcess
{
public:
    /// Starts a server that is a cluster of its own.
    explicit EtcdServer(EtcdKind kind, EtcdSetup setup = {});

    /// A member of a cluster: EtcdCluster launches it.
    EtcdServer(EtcdKind kind, std::string member, EtcdSetup setup);
    /// "node-a=http://127.0.0.1:2380" for the list of members.
    std::string peer() const;
    /// `state`: "new" or "existing".
    void joins(const std::string& members, const std::string& state = "new");

    EtcdKind kind() const noexcept { return _kind; }
    std::string url() const;
    /// Where its data lies.
    std::string dataFolder() const;
    /// etcdctl of the same version.
    static std::string etcdctl(EtcdKind kind);

    /// Sends a request without a token, and returns the answer of whatever status. Throws Net::CallFailure.
    Net::HttpAnswer ask(const char* method, const std::string& path, const std::string& body = {},
                        std::chrono::milliseconds limit = std::chrono::seconds(10), const std::string& token = {}) const;
    /// POST; throws std::runtime_error unless the status is 200.
    std::string post(const std::string& path, const std::string& body, const std::string& token = {}) const;
    /// Deletes all keys that begin with `prefix`.
    void deletePrefix(const std::string& prefix) const;
    std::size_t countKeys(const std::string& prefix) const;

protected:
    std::vector<std::string> command() const override;
    std::vector<std::string> environment() const override;
    bool answers() override;

private:
    const EtcdKind _kind;
    const std::string _member;
    const EtcdSetup _setup;
    std::string _members;
    std::string _state = "new";
};

/// One server for all tests of the program that ask for this kind. The first call, on the main thread, starts it.
EtcdServer& sharedEtcd(EtcdKind kind);

} // namespace Leasehold
