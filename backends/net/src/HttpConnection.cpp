#include "HttpConnection.h"

#include "DeadlineSocketImpl.h"
#include "describe.h"

#include "net/CallFailure.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/NetException.h>

#include <stop_token>

namespace Leasehold::Net
{

namespace
{

using Outcome = CallFailure::Outcome;

constexpr int maxHeaderFields = 200;

} // namespace

/// Never connects by itself: POCO's session would connect and send again behind our back. It is made before it has its socket, because
/// a proxy that the application set for all sessions can be left out only then (later POCO versions throw).
class HttpConnection::Session : public Poco::Net::HTTPClientSession
{
public:
    explicit Session(const Poco::Net::StreamSocket& socket) : HTTPClientSession(std::string(), 0, {})
    {
        attachSocket(socket);
        setKeepAlive(true);
        setKeepAliveTimeout(Poco::Timespan(1, 0, 0, 0, 0));
    }

    /// Bytes were received that no answer has used.
    bool hasUnreadBytes() const { return buffered() > 0; }

protected:
    int write(const char* buffer, std::streamsize length) override { return HTTPSession::write(buffer, length); }
    void connect(const Poco::Net::SocketAddress&) override { throw Poco::Net::ConnectionResetException("the connection was closed"); }
};

HttpConnection::HttpConnection(const TlsSettings* tls, const std::string& host) : _connection(tls, host) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::connect(const std::vector<Poco::Net::SocketAddress>& addresses, const CallContext& context)
{
    _connection.connect(addresses, context);
    _session = std::make_unique<Session>(_connection._socket);
}

HttpAnswer HttpConnection::exchange(Poco::Net::HTTPRequest& head, const std::string& body, std::size_t maxBody, const CallContext& context)
{
    DeadlineSocketImpl& socket = *_connection._impl;
    const std::stop_callback whenCancelled(context.cancel(), [&socket] { socket.interrupt(); });
    _reusable = false;
    _closedBefore = false;
    _connection.begin(context);
    try
    {
        sendRequest(head, body);
        return readAnswer(maxBody);
    }
    catch (const Poco::Exception& problem)
    {
        const bool unsent = socket.sent() == 0;
        _closedBefore = unsent && socket.ended() == DeadlineSocketImpl::Ended::no;
        throw CallFailure(unsent ? Outcome::notSent : Outcome::unknown, _connection.ending("no answer: " + describe(problem)));
    }
}

void HttpConnection::sendRequest(Poco::Net::HTTPRequest& head, const std::string& body)
{
    // Small requests leave in one packet with their header; big ones in pieces as large as the system takes.
    constexpr std::size_t withHeader = 3000;
    auto& out = _session->sendRequest(head);
    if (body.size() <= withHeader)
    {
        out.write(body.data(), static_cast<std::streamsize>(body.size()));
    }
    else
    {
        out.flush();
        if (out.good())
            _connection._impl->sendBytes(body.data(), static_cast<int>(body.size()));
    }
    if (!out.good())
        throw Poco::Net::ConnectionResetException("the connection was closed while the request was sent");
}

HttpAnswer HttpConnection::readAnswer(std::size_t maxBody)
{
    Poco::Net::HTTPResponse response;
    response.setFieldLimit(maxHeaderFields);
    auto& in = _session->receiveResponse(response);
    HttpAnswer answer;
    answer.status = response.getStatus();
    answer.contentType = response.getContentType();

    const auto tooLong = [maxBody]
    { return CallFailure(Outcome::unknown, "the answer is longer than " + std::to_string(maxBody) + " bytes"); };
    const bool chunked = response.getChunkedTransferEncoding();
    const auto length = response.getContentLength64();
    const bool unknownLength = length == Poco::Net::HTTPMessage::UNKNOWN_CONTENT_LENGTH;
    if (!chunked && unknownLength && answer.status != 204 && answer.status != 304)
        throw CallFailure(Outcome::unknown, "the answer (status " + std::to_string(answer.status) +
                                                ") does not say how long it is, so a cut one could not be told from a whole one");
    if (!chunked && length > static_cast<Poco::Int64>(maxBody))
        throw tooLong();
    char buffer[16384];
    do
    {
        in.read(buffer, sizeof buffer);
        answer.body.append(buffer, static_cast<std::size_t>(in.gcount()));
        if (answer.body.size() > maxBody)
            throw tooLong();
    } while (in.good());

    // The stream ends alike for a whole body, a cut one and a deadline.
    const bool whole = !in.bad() && _connection._impl->ended() == DeadlineSocketImpl::Ended::no &&
                       (chunked || unknownLength || length == static_cast<Poco::Int64>(answer.body.size()));
    if (!whole)
        throw CallFailure(Outcome::unknown, _connection.ending("the answer is not whole or not well-formed"));
    // POCO does not read a trailer: its bytes would be taken for the next answer.
    _reusable = response.getKeepAlive() && !response.has("Trailer") && !_session->hasUnreadBytes();
    return answer;
}

} // namespace Leasehold::Net
