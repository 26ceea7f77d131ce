#pragma once

#include "net/ChunkDecoder.h"
#include "net/Connection.h"
#include "net/HttpMessage.h"

#include "Leasehold/Store/CallContext.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace Poco::Net
{
class HTTPRequest;
}

namespace Leasehold::Net
{

/// The answer to one HTTP request that comes line by line for as long as the connection lasts, such as etcd's watch. Each read has a
/// deadline of its own and can be cancelled; a read that ends so loses nothing, and the next one goes on. Used by one thread at a time.
class HttpStream
{
public:
    /// Not connected yet: see HttpTransport::openStream.
    HttpStream(const TlsSettings* tls, const std::string& host, std::size_t maxLine);

    Connection& connection() noexcept { return _connection; }
    /// Sends the request and reads the head of the answer. Throws CallFailure.
    void begin(Poco::Net::HTTPRequest& head, const std::string& body, const CallContext& context);

    /// Any status: the lines of another than 200 tell what went wrong.
    int status() const noexcept { return _status; }
    const std::string& contentType() const noexcept { return _contentType; }

    /// The next line, without its end. nullopt: the answer is over, or the deadline or the cancellation came first. Throws CallFailure
    /// (unknown) if the connection was lost, or the answer is malformed or has a line that is too long; then the stream is dead.
    std::optional<std::string> readLine(const CallContext& context);
    /// The node has ended the answer: there are no more lines.
    bool isOver() const noexcept { return hasAllBytes() && _lines.empty(); }

private:
    bool receive(const CallContext& context);
    void decode(std::string_view bytes);
    bool hasAllBytes() const noexcept;

    Connection _connection;
    const std::size_t _maxLine;
    int _status = 0;
    std::string _contentType{};
    ChunkDecoder _chunks;
    std::optional<std::uint64_t> _left{}; // bytes of a body with a length, instead of chunks
    std::string _lines;                   // decoded and not yet returned
    std::size_t _searched = 0;            // bytes of them in which there is no line end
};

} // namespace Leasehold::Net
