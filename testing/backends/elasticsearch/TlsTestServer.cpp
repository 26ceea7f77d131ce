#include "TlsTestServer.h"

#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/NullStream.h>
#include <Poco/StreamCopier.h>

namespace Leasehold
{

namespace
{

class Handler : public Poco::Net::HTTPRequestHandler
{
public:
    void handleRequest(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response) override
    {
        Poco::NullOutputStream nowhere;
        Poco::StreamCopier::copyStream(request.stream(), nowhere);
        response.setContentType("application/json");
        const std::string body = R"({"result":"noop"})";
        response.sendBuffer(body.data(), body.size());
    }
};

class Factory : public Poco::Net::HTTPRequestHandlerFactory
{
public:
    Poco::Net::HTTPRequestHandler* createRequestHandler(const Poco::Net::HTTPServerRequest&) override { return new Handler; }
};

} // namespace

TlsTestServer::TlsTestServer(const TestCertificates& certificates)
{
    const Poco::Net::Context::Ptr context(new Poco::Net::Context(Poco::Net::Context::TLS_SERVER_USE, certificates.keyFile(),
                                                                 certificates.certificateFile(), {}, Poco::Net::Context::VERIFY_NONE));
    Poco::Net::SecureServerSocket socket(Poco::Net::SocketAddress("127.0.0.1", 0), 64, context);
    Poco::Net::HTTPServerParams::Ptr parameters(new Poco::Net::HTTPServerParams);
    parameters->setKeepAlive(true);
    _server = std::make_unique<Poco::Net::HTTPServer>(new Factory, _threads, socket, parameters);
    _server->start();
}

TlsTestServer::~TlsTestServer()
{
    _server->stopAll(true);
}

std::string TlsTestServer::url(const std::string& host) const
{
    return "https://" + host + ":" + std::to_string(_server->port());
}

} // namespace Leasehold
