#pragma once

#include <string>

namespace Leasehold
{

/// A certificate authority and a server certificate signed by it, made for one test in a folder that goes with it.
class TestCertificates
{
public:
    /// `name`: the subject alternative name, such as "IP:127.0.0.1" or "DNS:localhost".
    explicit TestCertificates(const std::string& name);
    ~TestCertificates();
    TestCertificates(const TestCertificates&) = delete;
    TestCertificates& operator=(const TestCertificates&) = delete;

    std::string caFile() const { return _folder + "/ca.pem"; }
    std::string certificateFile() const { return _folder + "/server.pem"; }
    std::string keyFile() const { return _folder + "/server.key"; }

private:
    std::string _folder;
};

} // namespace Leasehold
