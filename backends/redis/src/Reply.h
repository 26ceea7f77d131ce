#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace Leasehold::Redis
{

/// One reply of a server in the protocol RESP2.
struct Reply
{
    enum class Type
    {
        nil,
        integer,
        text, ///< a status or a bulk string
        error,
        array
    };

    Type type = Type::nil;
    std::int64_t integer = 0;
    std::string text{}; ///< of a text or an error
    std::vector<Reply> items{};

    bool isText(std::string_view expected) const { return type == Type::text && text == expected; }
    bool isArrayOf(std::size_t count) const { return type == Type::array && items.size() == count; }
};

/// The bytes are not RESP2.
class NotTheProtocol : public std::runtime_error
{
public:
    NotTheProtocol();
};

/// Cuts the bytes of a connection into replies. Used by one thread at a time.
class ReplyReader
{
public:
    ReplyReader();

    void feed(std::string_view bytes);
    /// The next whole reply; nullopt: more bytes are needed. Throws NotTheProtocol; the reader must not be used afterwards.
    std::optional<Reply> next();

private:
    struct Free
    {
        void operator()(redisReader* reader) const;
    };
    std::unique_ptr<redisReader, Free> _reader;
};

} // namespace Leasehold::Redis
