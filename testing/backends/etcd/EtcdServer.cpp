#include "EtcdServer.h"

#include "base64.h"
#include "txnText.h"

#include "Leasehold/Store/CallContext.h"

#include <map>
#include <memory>
#include <stdexcept>

namespace Leasehold
{

namespace
{

std::string programs(EtcdKind kind)
{
    return fetchedServer(toString(kind)).at(0);
}

ServerNature natureOf(EtcdKind kind)
{
    return {.name = std::string("etcd ") + (kind == EtcdKind::etcd34 ? "3.4" : "3.5"), .ports = 2};
}

} // namespace

const char* toString(EtcdKind kind) noexcept
{
    return kind == EtcdKind::etcd34 ? "etcd34" : "etcd35";
}

EtcdKind etcdKind(const std::string& name)
{
    for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
    {
        if (name == toString(kind))
            return kind;
    }
    throw std::invalid_argument("no etcd for tests is called \"" + name + "\"; allowed are etcd34 and etcd35");
}

EtcdServer::EtcdServer(EtcdKind kind, EtcdSetup setup) : EtcdServer(kind, "single", std::move(setup))
{
    start();
}

EtcdServer::EtcdServer(EtcdKind kind, std::string member, EtcdSetup setup) :
    ServerProcess(natureOf(kind)), _kind(kind), _member(std::move(member)), _setup(std::move(setup))
{
}

std::string EtcdServer::peer() const
{
    return _member + "=http://127.0.0.1:" + std::to_string(port(1));
}

void EtcdServer::joins(const std::string& members, const std::string& state)
{
    _members = members;
    _state = state;
}

std::string EtcdServer::url() const
{
    return (_setup.serverCertificate.empty() ? "http://127.0.0.1:" : "https://127.0.0.1:") + std::to_string(port());
}

std::string EtcdServer::dataFolder() const
{
    return _setup.dataFolder.empty() ? (folder() / "data").string() : _setup.dataFolder;
}

std::string EtcdServer::etcdctl(EtcdKind kind)
{
    return programs(kind) + "/etcdctl";
}

Net::HttpAnswer EtcdServer::ask(const char* method, const std::string& path, const std::string& body, std::chrono::milliseconds limit,
                                const std::string& token) const
{
    Net::HttpTransport::Options options;
    options.nodes = {Net::HttpNode::parse(url(), "url", 2379)};
    options.tls = _setup.tls;
    Net::HttpTransport transport(std::move(options));
    return transport.send({.method = method, .path = path, .body = body, .authorization = token}, CallContext::within(limit));
}

std::string EtcdServer::post(const std::string& path, const std::string& body, const std::string& token) const
{
    const auto answer = ask("POST", path, body, std::chrono::seconds(30), token);
    if (answer.status != 200)
        throw std::runtime_error(path + " was answered with " + std::to_string(answer.status) + ": " + answer.body);
    return answer.body;
}

void EtcdServer::deletePrefix(const std::string& prefix) const
{
    post("/v3/kv/deleterange",
         R"({"key":")" + Etcd::base64(prefix) + R"(","range_end":")" + Etcd::base64(Etcd::endOfPrefix(prefix)) + "\"}");
}

std::size_t EtcdServer::countKeys(const std::string& prefix) const
{
    const auto body = post("/v3/kv/range", R"({"key":")" + Etcd::base64(prefix) + R"(","range_end":")" +
                                               Etcd::base64(Etcd::endOfPrefix(prefix)) + R"(","count_only":true})");
    const std::string field = R"("count":")";
    const auto at = body.find(field);
    return at == std::string::npos ? 0 : std::stoul(body.substr(at + field.size()));
}

std::vector<std::string> EtcdServer::command() const
{
    const auto client = url();
    const auto peerUrl = "http://127.0.0.1:" + std::to_string(port(1));
    std::vector<std::string> command{programs(_kind) + "/etcd",
                                     "--name",
                                     _member,
                                     "--data-dir",
                                     dataFolder(),
                                     "--listen-client-urls",
                                     client,
                                     "--advertise-client-urls",
                                     client,
                                     "--listen-peer-urls",
                                     peerUrl,
                                     "--initial-advertise-peer-urls",
                                     peerUrl,
                                     "--initial-cluster",
                                     _members.empty() ? peer() : _members,
                                     "--initial-cluster-state",
                                     _state,
                                     "--auto-compaction-mode",
                                     "periodic",
                                     "--auto-compaction-retention",
                                     "10m"};
    if (!_setup.serverCertificate.empty())
        command.insert(command.end(), {"--cert-file", _setup.serverCertificate, "--key-file", _setup.serverKey});
    command.insert(command.end(), _setup.arguments.begin(), _setup.arguments.end());
    return command;
}

std::vector<std::string> EtcdServer::environment() const
{
    return {"ETCD_LOGGER=zap", "ETCD_LOG_LEVEL=" + _setup.logLevel};
}

bool EtcdServer::answers()
{
    try
    {
        const auto answer = ask("GET", "/health", {}, std::chrono::seconds(2));
        return answer.body.find(R"("health":"true")") != std::string::npos;
    }
    catch (const Net::CallFailure&)
    {
        return false; // it does not listen yet
    }
}

EtcdServer& sharedEtcd(EtcdKind kind)
{
    static std::map<EtcdKind, std::unique_ptr<EtcdServer>> servers;
    auto& server = servers[kind];
    if (!server)
        server = std::make_unique<EtcdServer>(kind);
    return *server;
}

} // namespace Leasehold
