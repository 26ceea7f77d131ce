#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// The JSON of a Txn and its parts. The gateway ignores field names that it does not know, so a misspelt comparison would be no comparison:
/// testing/backends/etcd tries each of them on real servers.
namespace Leasehold::Etcd
{

enum class Relation
{
    equal,
    notEqual,
    less,
    greater
};

/// True if the key does not exist.
std::string ifAbsent(const std::string& key);
/// True if the key exists.
std::string ifPresent(const std::string& key);
/// True if the key exists and its value, byte by byte, is in this relation to `value`.
std::string ifValue(const std::string& key, Relation relation, std::string_view value);
/// True if the last change of the key has this revision.
std::string ifRevision(const std::string& key, std::int64_t revision);

/// Stands for the id of the lease until withLease puts it in. No other part of a Txn has this character.
constexpr char leasePlace = '@';

std::string putValue(const std::string& key, std::string_view value);
/// An empty value on the lease.
std::string putOnLease(const std::string& key);
/// Moves an existing key to the lease and leaves its value. The Txn fails if the key does not exist.
std::string moveToLease(const std::string& key);
std::string deleteKey(const std::string& key);
std::string readKey(const std::string& key);

/// The keys from `begin` to before `end`, at most `limit`.
struct Interval
{
    std::string begin{};
    std::string end{};
    std::size_t limit = 0;     ///< 0: no limit
    std::int64_t revision = 0; ///< of the past; 0: the present one
    bool keysOnly = false;
};
/// The body of a range request, which is also what a Txn holds.
std::string rangeText(const Interval& interval);
std::string readInterval(const Interval& interval);
/// The first key after all keys that begin with `prefix`; "\0", which means the end of all keys, if there is none.
std::string endOfPrefix(std::string prefix);

/// Several comparisons or operations.
template <typename... More>
std::string listed(std::string first, const More&... more)
{
    ((first += ',', first += more), ...);
    return first;
}

/// The body of a Txn request. Each part is listed, and may be empty.
std::string txnText(std::string_view compares, std::string_view success, std::string_view failure);
/// A Txn as an operation of another one.
std::string nestedTxn(std::string_view compares, std::string_view success, std::string_view failure);

/// A watch of the keys that begin with `prefix`, for what is written to them and not for what is deleted. `fromRevision`: 0: from now on.
std::string watchText(const std::string& prefix, std::int64_t fromRevision);

/// Appends the operation, with the id of the lease in its places.
void appendWithLease(std::string& text, std::string_view operation, std::int64_t lease);

/// A number from 0 to 9999999999999999 as 16 digits, whose order as bytes is that of the numbers.
std::string sixteenDigits(std::uint64_t number);

} // namespace Leasehold::Etcd
