#include "TestCertificates.h"

#include <Poco/TemporaryFile.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace Leasehold
{

namespace
{

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

void extend(X509* certificate, X509* issuer, int kind, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr)
        throw std::runtime_error("bad certificate extension " + value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

constexpr long anHour = 3600;
constexpr long aDay = 24 * anHour;

/// Valid from `from` to `to`, in seconds from now.
Certificate make(const std::string& commonName, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuerKey, int serial, long from = -anHour,
                 long to = aDay)
{
    Certificate certificate(X509_new(), X509_free);
    X509* const raw = certificate.get();
    X509_set_version(raw, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(raw), serial);
    X509_gmtime_adj(X509_getm_notBefore(raw), from);
    X509_gmtime_adj(X509_getm_notAfter(raw), to);
    X509_set_pubkey(raw, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(commonName.c_str()),
                               -1, -1, 0);
    X509_set_issuer_name(raw, X509_get_subject_name(issuer != nullptr ? issuer : raw));
    if (issuer == nullptr)
        extend(raw, raw, NID_basic_constraints, "critical,CA:TRUE");
    else
        extend(raw, issuer, NID_subject_alt_name, commonName);
    X509_sign(raw, issuerKey, EVP_sha256());
    return certificate;
}

template <typename Writer>
void write(const std::string& path, const Writer& writer)
{
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    if (file == nullptr)
        throw std::runtime_error("cannot write " + path);
    const bool written = writer(file) == 1;
    if (std::fclose(file) != 0 || !written)
        throw std::runtime_error("cannot write " + path);
}

} // namespace

TestCertificates::TestCertificates(const std::string& name) : _folder(Poco::TemporaryFile::tempName())
{
    std::filesystem::create_directory(_folder);
    const Key caKey(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const Key serverKey(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const auto ca = make("a test's authority", caKey.get(), nullptr, caKey.get(), 1);
    const auto server = make(name, serverKey.get(), ca.get(), caKey.get(), 2);
    write(caFile(), [&](std::FILE* file) { return PEM_write_X509(file, ca.get()); });
    write(certificateFile(), [&](std::FILE* file) { return PEM_write_X509(file, server.get()); });
    write(keyFile(), [&](std::FILE* file) { return PEM_write_PrivateKey(file, serverKey.get(), nullptr, nullptr, 0, nullptr, nullptr); });

    const Key clientKey(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const auto client = [&](Validity validity, int serial, long from, long to)
    {
        const auto made = make("DNS:client", clientKey.get(), ca.get(), caKey.get(), serial, from, to);
        write(clientCertificateFile(validity), [&](std::FILE* file) { return PEM_write_X509(file, made.get()); });
    };
    client(Validity::now, 3, -anHour, aDay);
    client(Validity::expired, 4, -aDay, -anHour);
    client(Validity::notYet, 5, anHour, aDay);
    write(clientKeyFile(),
          [&](std::FILE* file) { return PEM_write_PrivateKey(file, clientKey.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    std::string passphrase = "a passphrase";
    write(encryptedClientKeyFile(), [&](std::FILE* file)
          { return PEM_write_PrivateKey(file, clientKey.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr, passphrase.data()); });
}

std::string TestCertificates::clientCertificateFile(Validity validity) const
{
    switch (validity)
    {
    case Validity::now:
        return _folder + "/client.pem";
    case Validity::expired:
        return _folder + "/client.expired.pem";
    case Validity::notYet:
        return _folder + "/client.notYet.pem";
    }
    throw std::invalid_argument("an unknown validity");
}

TestCertificates::~TestCertificates()
{
    std::error_code leftBehind; // ignored: a destructor cannot report it, and the folder is a temporary one
    std::filesystem::remove_all(_folder, leftBehind);
}

} // namespace Leasehold
