#include "net/TlsSettings.h"

#include "TestCertificates.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold::Net
{

/// Making a store refuses unusable certificate files, with a message that names the file.
class TlsSettingsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(TlsSettingsTest);
    CPPUNIT_TEST(testMatchingClientCertificateIsAccepted);
    CPPUNIT_TEST(testClientCertificateWithoutItsKeyIsRefused);
    CPPUNIT_TEST(testMissingClientFilesAreNamed);
    CPPUNIT_TEST(testKeyOfAnotherCertificateNamesBothFiles);
    CPPUNIT_TEST(testExpiredClientCertificateIsRefused);
    CPPUNIT_TEST(testClientCertificateThatIsNotYetValidIsRefused);
    CPPUNIT_TEST(testKeyWithAPassphraseIsRefused);
    CPPUNIT_TEST(testMissingCaFileIsNamed);
    CPPUNIT_TEST_SUITE_END();

    const TestCertificates _files{"IP:127.0.0.1"};

    static std::string refusalOf(const TlsFiles& files)
    {
        try
        {
            const TlsSettings settings(files, "test.");
        }
        catch (const LockConfigurationError& error)
        {
            return error.message();
        }
        return "accepted";
    }

    static void assertEqual(const std::string& expected, const TlsFiles& files) { CPPUNIT_ASSERT_EQUAL(expected, refusalOf(files)); }

public:
    void testMatchingClientCertificateIsAccepted()
    {
        assertEqual("accepted",
                    {.ca = _files.caFile(), .clientCertificate = _files.clientCertificateFile(), .clientKey = _files.clientKeyFile()});
    }

    void testClientCertificateWithoutItsKeyIsRefused()
    {
        assertEqual("test.client_certificate_file is set without test.client_key_file: set both or neither",
                    {.clientCertificate = _files.clientCertificateFile()});
        assertEqual("test.client_key_file is set without test.client_certificate_file: set both or neither",
                    {.clientKey = _files.clientKeyFile()});
    }

    void testMissingClientFilesAreNamed()
    {
        assertEqual("test.client_certificate_file = \"/nowhere/c.pem\" cannot be used: allowed is a readable PEM file that begins with the "
                    "client's certificate",
                    {.clientCertificate = "/nowhere/c.pem", .clientKey = _files.clientKeyFile()});
        assertEqual("test.client_key_file = \"/nowhere/c.key\" cannot be used: allowed is a readable PEM file with a private key and no "
                    "passphrase",
                    {.clientCertificate = _files.clientCertificateFile(), .clientKey = "/nowhere/c.key"});
    }

    void testKeyOfAnotherCertificateNamesBothFiles()
    {
        assertEqual("test.client_key_file = \"" + _files.keyFile() + "\" cannot be used: it is not the key of the certificate in " +
                        _files.clientCertificateFile(),
                    {.clientCertificate = _files.clientCertificateFile(), .clientKey = _files.keyFile()});
    }

    void testExpiredClientCertificateIsRefused()
    {
        const auto file = _files.clientCertificateFile(TestCertificates::Validity::expired);
        assertEqual("test.client_certificate_file = \"" + file + "\" cannot be used: the certificate has expired: renew it",
                    {.clientCertificate = file, .clientKey = _files.clientKeyFile()});
    }

    void testClientCertificateThatIsNotYetValidIsRefused()
    {
        const auto file = _files.clientCertificateFile(TestCertificates::Validity::notYet);
        assertEqual("test.client_certificate_file = \"" + file +
                        "\" cannot be used: the certificate is not valid yet: check the clock of this machine",
                    {.clientCertificate = file, .clientKey = _files.clientKeyFile()});
    }

    /// OpenSSL would ask for the passphrase at the terminal.
    void testKeyWithAPassphraseIsRefused()
    {
        assertEqual("test.client_key_file = \"" + _files.encryptedClientKeyFile() +
                        "\" cannot be used: allowed is a readable PEM file with a private key and no passphrase",
                    {.clientCertificate = _files.clientCertificateFile(), .clientKey = _files.encryptedClientKeyFile()});
    }

    void testMissingCaFileIsNamed()
    {
        assertEqual("test.ca_file = \"/nowhere/ca.pem\" cannot be used: allowed is a readable PEM file with at least one certificate",
                    {.ca = "/nowhere/ca.pem"});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TlsSettingsTest);

} // namespace Leasehold::Net
