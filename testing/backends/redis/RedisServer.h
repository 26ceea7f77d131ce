#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/ServerProcess.h"

#include "Reply.h"
#include "ServerAddress.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

class TestCertificates;

enum class RedisKind
{
    redis7, ///< of Debian
    valkey8 ///< of a Python wheel; has no TLS
};

/// "redis7", "valkey8". Throws std::invalid_argument for another name.
RedisKind redisKind(const std::string& name);

/// What is not usual about a server.
struct RedisServerOptions
{
    bool keepsChanges = false;            ///< `appendfsync always`
    bool isClusterNode = false;           ///< it has a second port, by which nodes talk to each other
    bool setClock = false;                ///< its clock stands still until setClock; only Valkey works with libfaketime
    std::vector<std::string> arguments{}; ///< of its command line, as "--maxmemory", "1mb"
    /// If set, it speaks only TLS, with other servers too, except on its unix socket; only Redis can. They must exist when it starts.
    const TestCertificates* certificates = nullptr;
};

/// A server of Redis or Valkey. Without further options it keeps nothing on the disk. See ServerProcess.
class RedisServer : public ServerProcess
{
public:
    /// Starts it.
    explicit RedisServer(RedisKind kind, RedisServerOptions options = {});

    /// "127.0.0.1:PORT".
    std::string node() const { return "127.0.0.1:" + std::to_string(port()); }
    std::string unixSocket() const { return (folder() / "socket").string(); }

    /// Sends a command as an operator. Throws std::runtime_error if it is answered with an
    /// error.
    Redis::Reply operate(const std::vector<std::string>& words) const;
    /// The same, and an error is an answer.
    Redis::Reply ask(const std::vector<std::string>& words) const;
    /// The value of a line of INFO.
    std::string info(const std::string& section, const std::string& name) const;

    /// Moves the clock of a server with RedisServerOptions::setClock.
    void advanceClock(Milliseconds by);

protected:
    void configure() override;
    std::vector<std::string> command() const override;
    std::vector<std::string> environment() const override;
    bool answers() override;

private:
    const RedisKind _kind;
    const RedisServerOptions _options;
    const std::string _program;
    Milliseconds _clock{1'800'000'000'000};
};

/// The settings of a server or sentinel with RedisServerOptions::certificates, by name. Makes the files readable for it.
std::vector<std::pair<std::string, std::string>> tlsSettings(const TestCertificates& certificates, int port);

/// Sends one command to a server or sentinel and returns its reply, which may be an error. Throws std::runtime_error if there is none.
Redis::Reply askServer(const Redis::ServerAddress& address, const std::vector<std::string>& words);

/// The program of a server of this kind.
std::string redisProgram(RedisKind kind);

/// The server of this kind that the whole program shares. It keeps changes, and that of Valkey has a clock that stands still.
RedisServer& sharedRedis(RedisKind kind);

} // namespace Leasehold
