#pragma once

#include "RedisServer.h"

#include <array>
#include <memory>
#include <string>

namespace Leasehold
{

/// A primary, two replicas, and three sentinels that replace a primary which does not answer for a second. Make it on the main thread.
class RedisSentinels
{
public:
    static constexpr std::size_t servers = 3, sentinels = 3;
    static constexpr const char* primaryName = "leasehold";

    /// `arguments`: of each server. `certificates`: see RedisServerOptions. Returns when the sentinels know all servers and each other.
    explicit RedisSentinels(RedisKind kind, const std::vector<std::string>& arguments = {}, const TestCertificates* certificates = nullptr);
    ~RedisSentinels();

    RedisServer& server(std::size_t index) { return *_servers.at(index); }
    /// The server that most sentinels name.
    std::size_t primary() const;
    /// Returns when there is a primary with two replicas that follow it.
    void awaitReplicas();
    /// Sends a command to each sentinel as an operator. Throws std::runtime_error if one answers with an error.
    void operateSentinels(const std::vector<std::string>& words);
    /// The addresses of the sentinels.
    std::vector<std::string> nodes() const;

private:
    class Sentinel;

    std::array<std::unique_ptr<RedisServer>, servers> _servers;
    std::array<std::unique_ptr<Sentinel>, sentinels> _sentinels;
};

} // namespace Leasehold
