#pragma once

#include <string>

namespace Leasehold
{

/// A certificate authority, and certificates that it has signed for a server and a client, in a folder of one test.
class TestCertificates
{
public:
    /// `name`: the subject alternative name, such as "IP:127.0.0.1" or "DNS:localhost".
    explicit TestCertificates(const std::string& name);
    ~TestCertificates();
    TestCertificates(const TestCertificates&) = delete;
    TestCertificates& operator=(const TestCertificates&) = delete;

    std::string caFile() const { return _folder + "/ca.pem"; }
    enum class Validity
    {
        now,
        expired,
        notYet
    };

    std::string certificateFile() const { return _folder + "/server.pem"; }
    std::string keyFile() const { return _folder + "/server.key"; }
    std::string clientCertificateFile(Validity validity = Validity::now) const;
    std::string clientKeyFile() const { return _folder + "/client.key"; } ///< for all client certificates
    std::string encryptedClientKeyFile() const { return _folder + "/client.encrypted.key"; }

private:
    std::string _folder;
};

} // namespace Leasehold
