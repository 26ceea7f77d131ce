#include "BareRedis.h"

#include "LockScripts.h"

#include <hiredis/hiredis.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>

namespace Leasehold::Bench
{
namespace
{

struct FreeReply
{
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using OneReply = std::unique_ptr<redisReply, FreeReply>;

constexpr std::size_t wordsBeforeStep = 10;

OneReply send(redisContext* connection, const std::vector<std::string>& words)
{
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (const auto& word : words)
    {
        texts.push_back(word.data());
        lengths.push_back(word.size());
    }
    OneReply reply(static_cast<redisReply*>(redisCommandArgv(connection, static_cast<int>(words.size()), texts.data(), lengths.data())));
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        throw std::runtime_error(std::string("the bare client was answered: ") + (reply ? reply->str : connection->errstr));
    return reply;
}

} // namespace

void BareRedis::Close::operator()(redisContext* context) const
{
    redisFree(context);
}

BareRedis::BareRedis(int port, const std::string& prefix, std::string name) :
    _connection(redisConnect("127.0.0.1", port)), _lock(std::move(name))
{
    if (!_connection || _connection->err != 0)
        throw std::runtime_error("the bare client cannot connect");
    const Redis::Keys keys(prefix);
    Redis::Commands scripts;
    addScripts(scripts);
    redisAppendFormattedCommand(_connection.get(), scripts.bytes.data(), scripts.bytes.size());
    for (std::size_t script = 0; script < scripts.names.size(); ++script)
    {
        void* reply = nullptr;
        if (redisGetReply(_connection.get(), &reply) != REDIS_OK)
            throw std::runtime_error("the bare client cannot load the scripts");
        freeReplyObject(reply);
    }
    const auto tag = send(_connection.get(), {"HGET", keys.era, "tag"});
    _words = {"EVALSHA", {}, "4", keys.era, keys.names, keys.ages, keys.lock(_lock), tag->str, "PUBLISH", keys.channels};
}

bool BareRedis::pair()
{
    static std::atomic<std::uint64_t> pairs{0}; // shared by all clients, because two may want the same lock
    _token = "bare-" + std::to_string(++pairs);
    if (!step(true))
        return false;
    if (!step(false))
        throw std::runtime_error("the bare client lost its lock");
    return true;
}

bool BareRedis::step(bool acquires)
{
    _words.resize(wordsBeforeStep);
    _words[1] = digestOf(acquires ? Redis::Script::steps : Redis::Script::renewEnd);
    if (acquires)
        _words.insert(_words.end(), {"a", _lock, _token, "0", "30000", R"({"host":"bench"})", "0", "0"});
    else
        _words.insert(_words.end(), {"r", _lock, _token, _fence, "0", "", "0", "0"});
    const auto reply = send(_connection.get(), _words);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4)
        throw std::runtime_error("the era of the bare client has ended");
    const auto* const answer = reply->element[3];
    if (!acquires)
        return answer->type == REDIS_REPLY_INTEGER && answer->integer > 0;
    if (answer->type != REDIS_REPLY_ARRAY || answer->elements < 2 || answer->element[0]->str != std::string("granted"))
        return false;
    _fence = std::to_string(answer->element[1]->integer);
    return true;
}

} // namespace Leasehold::Bench
