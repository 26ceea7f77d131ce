#pragma once

#include "TestCertificates.h"

#include <Poco/Net/HTTPServer.h>
#include <Poco/ThreadPool.h>

#include <memory>
#include <string>

namespace Leasehold
{

/// An HTTPS server on a free loopback port that answers everything with 200 and {"result":"noop"}.
class TlsTestServer
{
public:
    explicit TlsTestServer(const TestCertificates& certificates);
    ~TlsTestServer();

    std::string url(const std::string& host = "127.0.0.1") const;

private:
    Poco::ThreadPool _threads{2, 8};
    std::unique_ptr<Poco::Net::HTTPServer> _server;
};

} // namespace Leasehold
