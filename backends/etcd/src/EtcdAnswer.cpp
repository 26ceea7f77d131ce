#include "EtcdAnswer.h"

#include "base64.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace Leasehold::Etcd
{

namespace
{

using Object = Poco::JSON::Object;
using Array = Poco::JSON::Array;

/// A group of acquires nests Txns four deep, and each level has two levels of JSON or three.
constexpr std::size_t deepest = 40;

/// The body is not what etcd answers.
class Malformed : public std::runtime_error
{
public:
    Malformed() : std::runtime_error("malformed") {}
};

Object::Ptr parsed(const std::string& body)
{
    Poco::JSON::Parser parser;
    parser.setDepth(deepest);
    const auto root = parser.parse(body);
    if (root.type() != typeid(Object::Ptr))
        throw Malformed();
    return root.extract<Object::Ptr>();
}

/// The function's result; nullopt if the body is malformed.
template <typename Read>
auto reading(const std::string& body, const Read& read) -> std::optional<decltype(read(*parsed(body)))>
{
    try
    {
        return read(*parsed(body));
    }
    catch (const Malformed&)
    {
        return std::nullopt;
    }
    catch (const Poco::Exception&)
    {
        return std::nullopt;
    }
}

Object::Ptr objectAt(const Object& object, const std::string& key)
{
    const auto value = object.get(key);
    if (value.isEmpty())
        return {};
    if (value.type() != typeid(Object::Ptr))
        throw Malformed();
    return value.extract<Object::Ptr>();
}

/// Calls `each` for every object of the array under this key.
template <typename Each>
void forEach(const Object& object, const std::string& key, const Each& each)
{
    const auto value = object.get(key);
    if (value.isEmpty())
        return;
    if (value.type() != typeid(Array::Ptr))
        throw Malformed();
    const auto& array = value.extract<Array::Ptr>();
    for (const auto& element : *array)
    {
        if (element.type() != typeid(Object::Ptr))
            throw Malformed();
        each(*element.extract<Object::Ptr>());
    }
}

std::string textAt(const Object& object, const std::string& key)
{
    const auto value = object.get(key);
    if (value.isEmpty())
        return {};
    if (value.type() != typeid(std::string))
        throw Malformed();
    return value.extract<std::string>();
}

bool flagAt(const Object& object, const std::string& key)
{
    const auto value = object.get(key);
    if (value.isEmpty())
        return false;
    if (value.type() != typeid(bool))
        throw Malformed();
    return value.extract<bool>();
}

/// The gateway sends 64-bit numbers as text.
std::int64_t numberAt(const Object& object, const std::string& key)
{
    const auto text = textAt(object, key);
    std::int64_t number = 0;
    if (text.empty())
        return number;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        throw Malformed();
    return number;
}

std::string bytesAt(const Object& object, const std::string& key)
{
    auto bytes = fromBase64(textAt(object, key));
    if (!bytes)
        throw Malformed();
    return std::move(*bytes);
}

Header headerOf(const Object& answer)
{
    const auto header = objectAt(answer, "header");
    if (!header)
        throw Malformed();
    return {textAt(*header, "cluster_id"), numberAt(*header, "revision")};
}

Response responseOf(const Object& object);

Response txnOf(const Object& object)
{
    Response txn;
    txn.succeeded = flagAt(object, "succeeded");
    forEach(object, "responses", [&](const Object& one) { txn.responses.push_back(responseOf(one)); });
    return txn;
}

Response rangeOf(const Object& object)
{
    Response range;
    range.kind = Response::Kind::range;
    forEach(object, "kvs",
            [&](const Object& one) {
                range.found.push_back({bytesAt(one, "key"), bytesAt(one, "value"), numberAt(one, "lease"), numberAt(one, "mod_revision")});
            });
    return range;
}

Response responseOf(const Object& object)
{
    if (object.size() != 1)
        throw Malformed();
    if (const auto range = objectAt(object, "response_range"))
        return rangeOf(*range);
    if (const auto txn = objectAt(object, "response_txn"))
        return txnOf(*txn);
    Response response;
    if (objectAt(object, "response_put"))
        response.kind = Response::Kind::put;
    else if (objectAt(object, "response_delete_range"))
        response.kind = Response::Kind::deleteRange;
    else
        throw Malformed();
    return response;
}

WatchLine watchLineOf(const Object& answer)
{
    const auto result = objectAt(answer, "result");
    if (!result)
        throw Malformed(); // an error
    WatchLine line;
    line.created = flagAt(*result, "created");
    line.cancelled = flagAt(*result, "canceled");
    line.compacted = numberAt(*result, "compact_revision") > 0;
    // With many events the header has a revision of which later lines have events.
    std::int64_t lastEvent = 0;
    forEach(*result, "events",
            [&](const Object& event)
            {
                const auto changed = objectAt(event, "kv");
                if (!changed)
                    throw Malformed();
                lastEvent = std::max(lastEvent, numberAt(*changed, "mod_revision"));
                const auto type = textAt(event, "type");
                if (type.empty() || type == "PUT")
                    line.put.push_back(bytesAt(*changed, "key"));
            });
    const auto now = headerOf(*result).revision;
    line.revision = lastEvent > 0 ? lastEvent : now;
    return line;
}

ErrorAnswer errorOf(const Object& answer)
{
    // Streams put the error into an object of its own, which has other names in some versions.
    const auto inner = answer.get("error");
    const auto& error = inner.type() == typeid(Object::Ptr) ? *inner.extract<Object::Ptr>() : answer;
    ErrorAnswer result;
    for (const auto* const key : {"code", "grpc_code"})
    {
        const auto value = error.get(key);
        if (!value.isEmpty() && value.isInteger())
            result.code = value.convert<int>();
    }
    result.message = textAt(error, "message");
    if (result.code == 0 || result.message.empty())
        throw Malformed();
    return result;
}

} // namespace

std::optional<TxnAnswer> readTxn(const std::string& body)
{
    return reading(body, [](const Object& answer) { return TxnAnswer{headerOf(answer), txnOf(answer)}; });
}

std::optional<LeaseAnswer> readLease(const std::string& body)
{
    return reading(body,
                   [](const Object& answer)
                   {
                       headerOf(answer);
                       LeaseAnswer lease{numberAt(answer, "ID"), numberAt(answer, "TTL")};
                       if (lease.id == 0)
                           throw Malformed();
                       return lease;
                   });
}

std::optional<WatchLine> readWatchLine(const std::string& line)
{
    return reading(line, watchLineOf);
}

std::optional<ErrorAnswer> readError(const std::string& body)
{
    return reading(body, errorOf);
}

std::optional<std::string> readToken(const std::string& body)
{
    return reading(body,
                   [](const Object& answer)
                   {
                       auto token = textAt(answer, "token");
                       const bool fitsInAField =
                           std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
                       if (token.empty() || !fitsInAField)
                           throw Malformed();
                       return token;
                   });
}

std::optional<std::string> readVersion(const std::string& body)
{
    return reading(body,
                   [](const Object& answer)
                   {
                       auto version = textAt(answer, "etcdserver");
                       const bool isPlain =
                           std::all_of(version.begin(), version.end(),
                                       [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '+'; });
                       if (version.empty() || version.size() > 50 || !isPlain)
                           throw Malformed();
                       return version;
                   });
}

} // namespace Leasehold::Etcd
