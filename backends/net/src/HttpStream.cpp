#include "net/HttpStream.h"

#include "describe.h"

#include "net/CallFailure.h"

#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>

namespace Leasehold::Net
{

namespace
{

using Outcome = CallFailure::Outcome;

constexpr std::size_t maxHead = 65'536;

} // namespace

HttpStream::HttpStream(const TlsSettings* tls, const std::string& host, std::size_t maxLine) : _connection(tls, host), _maxLine(maxLine) {}

void HttpStream::begin(Poco::Net::HTTPRequest& head, const std::string& body, const CallContext& context)
{
    std::ostringstream request;
    head.write(request);
    request << body;
    _connection.sendAll(request.str(), context);

    std::string received;
    std::size_t end = std::string::npos;
    while ((end = received.find("\r\n\r\n")) == std::string::npos)
    {
        std::array<char, 4096> buffer{};
        const auto count = _connection.receiveSome(buffer, context);
        received.append(buffer.data(), count);
        if (received.size() > maxHead)
            throw CallFailure(Outcome::unknown, "the head of the answer is longer than " + std::to_string(maxHead) + " bytes");
    }
    Poco::Net::HTTPResponse response;
    try
    {
        std::istringstream text(received.substr(0, end + 4));
        response.read(text);
        _status = response.getStatus();
        _contentType = response.getContentType();
    }
    catch (const Poco::Exception& problem)
    {
        throw CallFailure(Outcome::unknown, "the answer is not HTTP: " + describe(problem));
    }
    if (!response.getChunkedTransferEncoding())
    {
        // An error usually comes so: it has an end.
        if (response.getContentLength64() < 0)
            throw CallFailure(Outcome::unknown, "the answer (status " + std::to_string(_status) + ") has neither chunks nor a length");
        _left = static_cast<std::uint64_t>(response.getContentLength64());
    }
    decode(std::string_view(received).substr(end + 4));
}

std::optional<std::string> HttpStream::readLine(const CallContext& context)
{
    for (;;)
    {
        const auto end = _lines.find('\n', _searched);
        if (end != std::string::npos || (hasAllBytes() && !_lines.empty()))
        {
            std::string line = _lines.substr(0, end);
            _lines.erase(0, end == std::string::npos ? end : end + 1);
            _searched = 0;
            return line;
        }
        _searched = _lines.size();
        if (_lines.size() > _maxLine)
            throw CallFailure(Outcome::unknown, "the answer has a line longer than " + std::to_string(_maxLine) + " bytes");
        if (hasAllBytes() || !receive(context))
            return std::nullopt;
    }
}

/// False: the deadline or the cancellation came before a byte.
bool HttpStream::receive(const CallContext& context)
{
    std::array<char, 16'384> buffer{};
    std::size_t count = 0;
    try
    {
        count = _connection.receiveSome(buffer, context);
    }
    catch (const CallFailure&)
    {
        if (_connection.timedOut() || _connection.wasCancelled())
            return false;
        throw;
    }
    decode({buffer.data(), count});
    return true;
}

bool HttpStream::hasAllBytes() const noexcept
{
    return _left ? *_left == 0 : _chunks.isOver();
}

void HttpStream::decode(std::string_view bytes)
{
    if (_left)
    {
        const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(*_left, bytes.size()));
        _lines.append(bytes.substr(0, taken));
        *_left -= taken;
        return;
    }
    try
    {
        _chunks.feed(bytes, _lines);
    }
    catch (const std::runtime_error& problem)
    {
        throw CallFailure(Outcome::unknown, std::string("the answer is malformed: ") + problem.what());
    }
}

} // namespace Leasehold::Net
