#include "txnText.h"

#include "base64.h"

namespace Leasehold::Etcd
{

namespace
{

std::string keyField(const std::string& key)
{
    return "{\"key\":\"" + base64(key) + '"';
}

const char* text(Relation relation)
{
    switch (relation)
    {
    case Relation::equal:
        return "EQUAL";
    case Relation::notEqual:
        return "NOT_EQUAL";
    case Relation::less:
        return "LESS";
    case Relation::greater:
        break;
    }
    return "GREATER";
}

} // namespace

std::string ifAbsent(const std::string& key)
{
    return keyField(key) + R"(,"target":"CREATE","result":"EQUAL","create_revision":"0"})";
}

std::string ifPresent(const std::string& key)
{
    return keyField(key) + R"(,"target":"CREATE","result":"GREATER","create_revision":"0"})";
}

std::string ifValue(const std::string& key, Relation relation, std::string_view value)
{
    return keyField(key) + R"(,"target":"VALUE","result":")" + text(relation) + R"(","value":")" + base64(value) + "\"}";
}

std::string ifRevision(const std::string& key, std::int64_t revision)
{
    return keyField(key) + R"(,"target":"MOD","result":"EQUAL","mod_revision":")" + std::to_string(revision) + "\"}";
}

std::string putValue(const std::string& key, std::string_view value)
{
    return R"({"request_put":)" + keyField(key) + R"(,"value":")" + base64(value) + "\"}}";
}

std::string putOnLease(const std::string& key)
{
    return R"({"request_put":)" + keyField(key) + R"(,"lease":")" + leasePlace + "\"}}";
}

std::string moveToLease(const std::string& key)
{
    return R"({"request_put":)" + keyField(key) + R"(,"ignore_value":true,"lease":")" + leasePlace + "\"}}";
}

std::string deleteKey(const std::string& key)
{
    return R"({"request_delete_range":)" + keyField(key) + "}}";
}

std::string readKey(const std::string& key)
{
    return R"({"request_range":)" + keyField(key) + "}}";
}

std::string rangeText(const Interval& interval)
{
    std::string range = keyField(interval.begin) + R"(,"range_end":")" + base64(interval.end) + '"';
    if (interval.limit > 0)
        range += R"(,"limit":")" + std::to_string(interval.limit) + '"';
    if (interval.revision > 0)
        range += R"(,"revision":")" + std::to_string(interval.revision) + '"';
    if (interval.keysOnly)
        range += R"(,"keys_only":true)";
    return range + '}';
}

std::string readInterval(const Interval& interval)
{
    return R"({"request_range":)" + rangeText(interval) + '}';
}

std::string endOfPrefix(std::string prefix)
{
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff)
        prefix.pop_back();
    if (prefix.empty())
        return std::string(1, '\0');
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
    return prefix;
}

std::string txnText(std::string_view compares, std::string_view success, std::string_view failure)
{
    std::string text;
    text.reserve(compares.size() + success.size() + failure.size() + 64);
    text.append(R"({"compare":[)").append(compares).append(R"(],"success":[)").append(success);
    text.append(R"(],"failure":[)").append(failure).append("]}");
    return text;
}

std::string nestedTxn(std::string_view compares, std::string_view success, std::string_view failure)
{
    return R"({"request_txn":)" + txnText(compares, success, failure) + '}';
}

// NODELETE: prune deletes the keys of released locks, which frees nothing.
std::string watchText(const std::string& prefix, std::int64_t fromRevision)
{
    const std::string from = fromRevision > 0 ? R"(,"start_revision":")" + std::to_string(fromRevision) + '"' : std::string();
    return R"({"create_request":)" + keyField(prefix) + R"(,"range_end":")" + base64(endOfPrefix(prefix)) + R"(","filters":["NODELETE"])" +
           from + "}}";
}

void appendWithLease(std::string& text, std::string_view operation, std::int64_t lease)
{
    const auto id = std::to_string(lease);
    for (auto place = operation.find(leasePlace); place != std::string_view::npos; place = operation.find(leasePlace))
    {
        text.append(operation.substr(0, place)).append(id);
        operation.remove_prefix(place + 1);
    }
    text.append(operation);
}

std::string sixteenDigits(std::uint64_t number)
{
    auto digits = std::to_string(number);
    return digits.size() < 16 ? std::string(16 - digits.size(), '0') + digits : digits;
}

} // namespace Leasehold::Etcd
