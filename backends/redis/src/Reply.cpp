#include "Reply.h"

#include <hiredis/hiredis.h>

#include <new>

namespace Leasehold::Redis
{
namespace
{

/// No reply to a request of this store has a longer array. A longer one would only use up memory.
constexpr long long longestArray = 4096;

/// The place of the reply that `task` reads: in the array of its parent, or a new object. nullptr: no memory is left.
Reply* placeOf(const redisReadTask* task)
{
    if (task->parent == nullptr)
        return new (std::nothrow) Reply;
    return &static_cast<Reply*>(task->parent->obj)->items[static_cast<std::size_t>(task->idx)];
}

// hiredis calls these functions, through which no exception may pass. It takes nullptr for an error.

void* makeText(const redisReadTask* task, char* text, std::size_t length)
{
    Reply* const reply = placeOf(task);
    if (reply == nullptr)
        return nullptr;
    try
    {
        reply->text.assign(text, length);
    }
    catch (const std::bad_alloc&)
    {
        if (task->parent == nullptr)
            delete reply;
        return nullptr;
    }
    reply->type = task->type == REDIS_REPLY_ERROR ? Reply::Type::error : Reply::Type::text;
    return reply;
}

void* makeArray(const redisReadTask* task, long long count)
{
    if (count < 0 || count > longestArray)
        return nullptr;
    Reply* const reply = placeOf(task);
    if (reply == nullptr)
        return nullptr;
    try
    {
        reply->items.resize(static_cast<std::size_t>(count));
    }
    catch (const std::bad_alloc&)
    {
        if (task->parent == nullptr)
            delete reply;
        return nullptr;
    }
    reply->type = Reply::Type::array;
    return reply;
}

void* makeInteger(const redisReadTask* task, long long value)
{
    Reply* const reply = placeOf(task);
    if (reply == nullptr)
        return nullptr;
    reply->type = Reply::Type::integer;
    reply->integer = value;
    return reply;
}

void* makeNil(const redisReadTask* task)
{
    return placeOf(task);
}

void freeReply(void* reply)
{
    delete static_cast<Reply*>(reply);
}

// Newer versions of hiredis have more members, which only RESP3 uses, and count arrays by another type.
redisReplyObjectFunctions* makers()
{
    static redisReplyObjectFunctions functions = []
    {
        redisReplyObjectFunctions result{};
        result.createString = &makeText;
        result.createArray = [](const redisReadTask* task, auto count) { return makeArray(task, static_cast<long long>(count)); };
        result.createInteger = &makeInteger;
        result.createNil = &makeNil;
        result.freeObject = &freeReply;
        return result;
    }();
    return &functions;
}

} // namespace

NotTheProtocol::NotTheProtocol() :
    std::runtime_error("the answer is not one of Redis or Valkey; check the address, and whether the server uses TLS")
{
}

ReplyReader::ReplyReader() : _reader(redisReaderCreateWithFunctions(makers()))
{
    if (!_reader)
        throw std::bad_alloc();
}

void ReplyReader::Free::operator()(redisReader* reader) const
{
    redisReaderFree(reader);
}

void ReplyReader::feed(std::string_view bytes)
{
    if (redisReaderFeed(_reader.get(), bytes.data(), bytes.size()) != REDIS_OK)
        throw NotTheProtocol();
}

std::optional<Reply> ReplyReader::next()
{
    void* found = nullptr;
    if (redisReaderGetReply(_reader.get(), &found) != REDIS_OK)
        throw NotTheProtocol();
    if (found == nullptr)
        return std::nullopt;
    const std::unique_ptr<Reply> reply(static_cast<Reply*>(found));
    return std::move(*reply);
}

} // namespace Leasehold::Redis
