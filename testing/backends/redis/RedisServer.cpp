#include "RedisServer.h"

#include "Session.h"
#include "TestCertificates.h"

#include "net/CallFailure.h"
#include "net/HostResolver.h"

#include "Leasehold/Exceptions.h"

#include <chrono>
#include <ctime>
#include <fstream>
#include <map>
#include <stdexcept>

namespace Leasehold
{
namespace
{

constexpr auto patience = std::chrono::seconds(20);
constexpr const char* fakeClock = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

const char* nameOf(RedisKind kind)
{
    return kind == RedisKind::redis7 ? "Redis 7.0" : "Valkey 8.1";
}

/// "2027-01-15 08:00:00.250", as libfaketime reads it: the clock stands still.
std::string faketimeText(Milliseconds sinceEpoch)
{
    const auto seconds = static_cast<std::time_t>(sinceEpoch.count() / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    // Half a millisecond more, because libfaketime reads the fraction as a binary number and cuts it.
    std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d.%03d5", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                  parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(sinceEpoch.count() % 1000));
    return text;
}

} // namespace

RedisKind redisKind(const std::string& name)
{
    if (name == "redis7")
        return RedisKind::redis7;
    if (name == "valkey8")
        return RedisKind::valkey8;
    throw std::invalid_argument("no server for tests is called \"" + name + "\"; allowed are redis7 and valkey8");
}

RedisServer::RedisServer(RedisKind kind, RedisServerOptions options) :
    ServerProcess({.name = nameOf(kind), .ports = options.isClusterNode ? 2U : 1U, .refusesRoot = true}), _kind(kind),
    _options(std::move(options)), _program(redisProgram(kind))
{
    if (_options.setClock && _kind != RedisKind::valkey8)
        throw std::invalid_argument("only Valkey works with libfaketime");
    start();
}

void RedisServer::configure()
{
    if (_options.setClock)
        write("clock", faketimeText(_clock));
}

std::vector<std::string> RedisServer::command() const
{
    std::vector<std::string> words{_program,
                                   "--port",
                                   std::to_string(port()),
                                   "--bind",
                                   "127.0.0.1",
                                   "--dir",
                                   folder().string(),
                                   "--unixsocket",
                                   unixSocket(),
                                   "--unixsocketperm",
                                   "777",
                                   "--save",
                                   "",
                                   "--appendonly",
                                   _options.keepsChanges ? "yes" : "no",
                                   "--appendfsync",
                                   "always",
                                   "--repl-diskless-sync-delay",
                                   "0",
                                   "--daemonize",
                                   "no"};
    if (_options.isClusterNode)
        words.insert(words.end(), {"--cluster-enabled", "yes", "--cluster-port", std::to_string(port(1))});
    if (_options.certificates != nullptr)
        for (const auto& [name, value] : tlsSettings(*_options.certificates, port()))
            words.insert(words.end(), {"--" + name, value});
    words.insert(words.end(), _options.arguments.begin(), _options.arguments.end());
    return words;
}

std::vector<std::string> RedisServer::environment() const
{
    if (!_options.setClock)
        return {};
    return {std::string("LD_PRELOAD=") + fakeClock, "FAKETIME_TIMESTAMP_FILE=" + (folder() / "clock").string(), "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1", "TZ=UTC0"};
}

bool RedisServer::answers()
{
    try
    {
        const auto reply = ask({"PING"});
        return reply.type == Redis::Reply::Type::text || reply.text.starts_with("NOAUTH");
    }
    catch (const std::runtime_error&)
    {
        return false;
    }
}

Redis::Reply RedisServer::ask(const std::vector<std::string>& words) const
{
    return askServer({.path = unixSocket()}, words);
}

Redis::Reply RedisServer::operate(const std::vector<std::string>& words) const
{
    auto reply = ask(words);
    if (reply.type == Redis::Reply::Type::error)
        throw std::runtime_error(name() + " answered " + words.front() + " with " + reply.text);
    return reply;
}

std::string RedisServer::info(const std::string& section, const std::string& name) const
{
    const auto text = operate({"INFO", section}).text;
    auto begin = text.find("\n" + name + ":");
    if (begin == std::string::npos)
        throw std::runtime_error("INFO " + section + " has no line " + name);
    begin += name.size() + 2;
    return text.substr(begin, text.find_first_of("\r\n", begin) - begin);
}

void RedisServer::advanceClock(Milliseconds by)
{
    _clock += by;
    // A new file in its place, so that the server never reads half a time.
    write("clock.new", faketimeText(_clock));
    std::filesystem::rename(folder() / "clock.new", folder() / "clock");
}

std::vector<std::pair<std::string, std::string>> tlsSettings(const TestCertificates& certificates, int port)
{
    using std::filesystem::perms;
    for (const auto& file : {certificates.certificateFile(), certificates.keyFile(), certificates.caFile()})
        std::filesystem::permissions(file, perms::all);
    std::filesystem::permissions(std::filesystem::path(certificates.caFile()).parent_path(), perms::all);
    return {{"port", "0"},
            {"tls-port", std::to_string(port)},
            {"tls-cert-file", certificates.certificateFile()},
            {"tls-key-file", certificates.keyFile()},
            {"tls-ca-cert-file", certificates.caFile()},
            {"tls-auth-clients", "no"},
            {"tls-replication", "yes"},
            {"tls-cluster", "yes"}};
}

Redis::Reply askServer(const Redis::ServerAddress& address, const std::vector<std::string>& words)
{
    Net::HostResolver resolver;
    Redis::Session session(address, nullptr);
    const auto context = CallContext::within(patience);
    session.connect(resolver, context);
    Redis::Commands commands;
    commands.begin(words.front(), words.size());
    for (std::size_t index = 1; index < words.size(); ++index)
        commands.addWord(words[index]);
    return session.exchange(commands, context).front();
}

std::string redisProgram(RedisKind kind)
{
    return fetchedServer(kind == RedisKind::redis7 ? "redis7" : "valkey8").at(0);
}

RedisServer& sharedRedis(RedisKind kind)
{
    static std::map<RedisKind, std::unique_ptr<RedisServer>> servers;
    auto& server = servers[kind];
    if (!server)
        server = std::make_unique<RedisServer>(kind, RedisServerOptions{.keepsChanges = true, .setClock = kind == RedisKind::valkey8});
    return *server;
}

} // namespace Leasehold
