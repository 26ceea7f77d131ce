#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold::Etcd
{

/// A key with its value, decoded.
struct KeyValue
{
    std::string key{};
    std::string value{};
    std::int64_t lease = 0; ///< 0: none
    std::int64_t modRevision = 0;
};

/// What every answer tells about the cluster.
struct Header
{
    std::string clusterId{};
    std::int64_t revision = 0;
};

/// The answer to one operation of a Txn, or to a whole Txn.
struct Response
{
    enum class Kind
    {
        put,
        deleteRange,
        range,
        txn
    };

    Kind kind = Kind::txn;
    std::vector<KeyValue> found{};     ///< of a range
    bool succeeded = false;            ///< of a Txn: its comparisons were true
    std::vector<Response> responses{}; ///< of a Txn: of the branch that was carried out

    /// The only key of this range; nullptr: it is none, or it found nothing.
    const KeyValue* only() const { return kind == Kind::range && found.size() == 1 ? &found.front() : nullptr; }
};

struct TxnAnswer
{
    Header header{};
    Response txn{};
};

/// The answer to a grant of a lease or to a question for its time to live.
struct LeaseAnswer
{
    std::int64_t id = 0;
    std::int64_t ttl = 0; ///< seconds, rounded down; negative: there is no such lease
};

/// One line of a watch.
struct WatchLine
{
    bool created = false;           ///< the watch has begun
    bool cancelled = false;         ///< no more events will come, although the connection stays open
    bool compacted = false;         ///< it was cancelled because the events from its first revision on are gone
    std::int64_t revision = 0;      ///< of the last event; without events, of the storage when the line was sent
    std::vector<std::string> put{}; ///< the keys that were written
};

/// An error, as far as a message may show it.
struct ErrorAnswer
{
    int code = 0;          ///< of gRPC
    std::string message{}; ///< must not be shown unless it is known
};

/// The functions below read bodies of the JSON gateway, which leaves out everything that is false, 0 or empty. They never throw because of
/// the content. nullopt: the body is not such an answer.
std::optional<TxnAnswer> readTxn(const std::string& body);
std::optional<LeaseAnswer> readLease(const std::string& body);
std::optional<WatchLine> readWatchLine(const std::string& line);
std::optional<ErrorAnswer> readError(const std::string& body);
/// The token of an answer to authenticate.
std::optional<std::string> readToken(const std::string& body);
/// The version of the server, "3.4.23", of an answer to /version.
std::optional<std::string> readVersion(const std::string& body);

} // namespace Leasehold::Etcd
