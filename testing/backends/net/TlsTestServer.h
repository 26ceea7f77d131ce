#pragma once

#include "TestCertificates.h"

#include <Poco/Net/HTTPServer.h>
#include <Poco/ThreadPool.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace Leasehold
{

/// An HTTPS server on a free loopback port that answers everything with 200 and {"result":"noop"}.
class TlsTestServer
{
public:
    enum class Protocol
    {
        current,
        old ///< TLS 1.0 and 1.1 only
    };

    enum class ClientCertificate
    {
        notAsked,
        required
    };

    explicit TlsTestServer(const TestCertificates& certificates, Protocol protocol = Protocol::current,
                           ClientCertificate client = ClientCertificate::notAsked);
    ~TlsTestServer();

    int requests() const { return _requests; }
    int connections() const { return _server->totalConnections(); } ///< so far
    std::uint16_t port() const { return _server->port(); }
    std::string url(const std::string& host = "127.0.0.1") const;

private:
    std::atomic<int> _requests{0};
    Poco::ThreadPool _threads{2, 8};
    std::unique_ptr<Poco::Net::HTTPServer> _server;
};

} // namespace Leasehold
