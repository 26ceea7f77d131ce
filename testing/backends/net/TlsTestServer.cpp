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

#include <openssl/ssl.h>

#include <stdexcept>

namespace Leasehold
{

namespace
{

class Handler : public Poco::Net::HTTPRequestHandler
{
public:
    explicit Handler(std::atomic<int>& requests) : _requests(requests) {}

    void handleRequest(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response) override
    {
        ++_requests;
        Poco::NullOutputStream nowhere;
        Poco::StreamCopier::copyStream(request.stream(), nowhere);
        response.setContentType("application/json");
        const std::string body = R"({"result":"noop"})";
        response.sendBuffer(body.data(), body.size());
    }

private:
    std::atomic<int>& _requests;
};

class Factory : public Poco::Net::HTTPRequestHandlerFactory
{
public:
    explicit Factory(std::atomic<int>& requests) : _requests(requests) {}

    Poco::Net::HTTPRequestHandler* createRequestHandler(const Poco::Net::HTTPServerRequest&) override { return new Handler(_requests); }

private:
    std::atomic<int>& _requests;
};

} // namespace

TlsTestServer::TlsTestServer(const TestCertificates& certificates, Protocol protocol, ClientCertificate client)
{
    const bool asks = client == ClientCertificate::required;
    Poco::Net::Context::Ptr context(new Poco::Net::Context(Poco::Net::Context::TLS_SERVER_USE, certificates.keyFile(),
                                                           certificates.certificateFile(), asks ? certificates.caFile() : std::string(),
                                                           asks ? Poco::Net::Context::VERIFY_STRICT : Poco::Net::Context::VERIFY_NONE));
    context->enableExtendedCertificateVerification(false); // it would require the client's address in the client's certificate
    if (protocol == Protocol::old)
    {
        SSL_CTX_set_security_level(context->sslContext(), 0); // the old versions are too weak for the default level
        if (SSL_CTX_set_min_proto_version(context->sslContext(), TLS1_VERSION) != 1 ||
            SSL_CTX_set_max_proto_version(context->sslContext(), TLS1_1_VERSION) != 1)
            throw std::runtime_error("this OpenSSL has no TLS 1.1");
    }
    Poco::Net::SecureServerSocket socket(Poco::Net::SocketAddress("127.0.0.1", 0), 64, context);
    Poco::Net::HTTPServerParams::Ptr parameters(new Poco::Net::HTTPServerParams);
    parameters->setKeepAlive(true);
    _server = std::make_unique<Poco::Net::HTTPServer>(new Factory(_requests), _threads, socket, parameters);
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
