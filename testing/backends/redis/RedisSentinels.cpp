#include "RedisSentinels.h"

#include "requireSoon.h"

#include <chrono>
#include <map>
#include <stdexcept>

namespace Leasehold
{
class RedisSentinels::Sentinel : public ServerProcess
{
public:
    Sentinel(RedisKind kind, int primaryPort, const TestCertificates* certificates) :
        ServerProcess({.name = "a sentinel", .refusesRoot = true}), _program(redisProgram(kind)), _primaryPort(primaryPort),
        _certificates(certificates)
    {
        start();
    }

    Redis::Reply ask(const std::vector<std::string>& words) const { return askServer({.path = unixSocket()}, words); }

protected:
    void configure() override
    {
        const std::string name = primaryName;
        std::string settings = "port " + std::to_string(port()) + "\nunixsocket " + unixSocket() + "\nunixsocketperm 777\n";
        if (_certificates != nullptr)
            for (const auto& [key, value] : tlsSettings(*_certificates, port()))
                settings += key + " " + value + "\n";
        write("sentinel.conf", settings + "bind 127.0.0.1\ndir " + folder().string() + "\nsentinel monitor " + name + " 127.0.0.1 " +
                                   std::to_string(_primaryPort) + " 2\nsentinel down-after-milliseconds " + name +
                                   " 1000\nsentinel failover-timeout " + name + " 3000\n");
    }
    std::vector<std::string> command() const override { return {_program, (folder() / "sentinel.conf").string(), "--sentinel"}; }
    bool answers() override
    {
        try
        {
            return ask({"PING"}).isText("PONG");
        }
        catch (const std::runtime_error&)
        {
            return false;
        }
    }

private:
    std::string unixSocket() const { return (folder() / "socket").string(); }

    const std::string _program;
    const int _primaryPort;
    const TestCertificates* const _certificates;
};

RedisSentinels::RedisSentinels(RedisKind kind, const std::vector<std::string>& arguments, const TestCertificates* certificates)
{
    for (auto& server : _servers)
    {
        RedisServerOptions options{.arguments = arguments, .certificates = certificates};
        if (&server != &_servers.front())
            options.arguments.insert(options.arguments.end(), {"--replicaof", "127.0.0.1", std::to_string(_servers.front()->port())});
        server = std::make_unique<RedisServer>(kind, std::move(options));
    }
    for (auto& sentinel : _sentinels)
        sentinel = std::make_unique<Sentinel>(kind, _servers.front()->port(), certificates);
    awaitReplicas();
    for (const auto& sentinel : _sentinels)
        requireSoon("the sentinels know each other and both replicas",
                    [&]
                    {
                        const auto reply = sentinel->ask({"SENTINEL", "MASTER", primaryName});
                        std::map<std::string, std::string> fields;
                        for (std::size_t index = 0; index + 1 < reply.items.size(); index += 2)
                            fields[reply.items[index].text] = reply.items[index + 1].text;
                        return fields["num-slaves"] == "2" && fields["num-other-sentinels"] == "2";
                    });
}

RedisSentinels::~RedisSentinels() = default;

std::size_t RedisSentinels::primary() const
{
    std::map<std::string, int> named;
    for (const auto& sentinel : _sentinels)
    {
        const auto reply = sentinel->ask({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", primaryName});
        if (reply.isArrayOf(2) && ++named[reply.items[1].text] == 2)
            for (std::size_t index = 0; index < _servers.size(); ++index)
                if (std::to_string(_servers[index]->port()) == reply.items[1].text)
                    return index;
    }
    throw std::runtime_error("the sentinels do not agree on a primary");
}

void RedisSentinels::awaitReplicas()
{
    requireSoon("a primary has two replicas",
                [this]
                {
                    const auto& server = *_servers[primary()];
                    return server.info("replication", "role") == "master" &&
                           server.info("replication", "slave0").find("state=online") != std::string::npos &&
                           server.info("replication", "slave1").find("state=online") != std::string::npos;
                });
}

void RedisSentinels::operateSentinels(const std::vector<std::string>& words)
{
    for (const auto& sentinel : _sentinels)
        if (const auto reply = sentinel->ask(words); reply.type == Redis::Reply::Type::error)
            throw std::runtime_error(sentinel->name() + " answered " + words.front() + " with " + reply.text);
}

std::vector<std::string> RedisSentinels::nodes() const
{
    std::vector<std::string> addresses;
    for (const auto& sentinel : _sentinels)
        addresses.push_back("127.0.0.1:" + std::to_string(sentinel->port()));
    return addresses;
}

} // namespace Leasehold
