#include "connectionParameters.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

#include <libpq-fe.h>

namespace Leasehold::PostgreSQL
{

namespace
{

// A path where no file can be: for an empty value libpq would look into the user's home.
constexpr const char* noFile = "/dev/null/none";

const char* sslMode(PostgreSQLTls tls)
{
    switch (tls)
    {
    case PostgreSQLTls::verifyFull:
        return "verify-full";
    case PostgreSQLTls::verifyCa:
        return "verify-ca";
    case PostgreSQLTls::require:
        return "require";
    case PostgreSQLTls::disable:
        break;
    }
    return "disable";
}

/// The file with the certificates that the system trusts: libpq before 16 cannot find it by itself.
std::string systemCertificates()
{
    for (const char* const path :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
    {
        std::error_code unreadable; // then it is not the one
        if (std::filesystem::exists(path, unreadable))
            return path;
    }
    return noFile;
}

std::string orNoFile(const std::string& path)
{
    return path.empty() ? noFile : path;
}

/// What the session must have whatever the defaults of the server, the database and the role are. The server's keepalives end the
/// transaction of a client that vanished between two packets. The functions keep their plans: one that was made when the table was almost
/// empty would read the whole table later. Prune has no other plan, and its cost without it would start the compiler of the server.
std::string sessionSettings()
{
    return "-c search_path=pg_catalog -c default_transaction_isolation=read\\ committed -c lock_timeout=" + std::to_string(lockTimeoutMs) +
           " -c statement_timeout=10000 -c idle_in_transaction_session_timeout=10000 -c tcp_keepalives_idle=10"
           " -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c enable_seqscan=off -c jit=off";
}

/// Sets what libpq would else take from an environment variable. The service has no value for "none".
void overrideEnvironment(std::map<std::string, std::string>& parameters)
{
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> known(PQconninfoParse("", nullptr), PQconninfoFree);
    for (const auto* option = known.get(); option != nullptr && option->keyword != nullptr; ++option)
    {
        const bool isInEnvironment = option->envvar != nullptr && std::getenv(option->envvar) != nullptr;
        if (isInEnvironment && std::string_view(option->keyword) != "service")
            parameters.try_emplace(option->keyword, option->compiled != nullptr ? option->compiled : "");
    }
}

} // namespace

std::map<std::string, std::string> connectionParameters(const PostgreSQLOptions& options, const ServerAddress& server,
                                                        const std::string& numeric)
{
    std::map<std::string, std::string> result{
        {"host", server.host},
        {"hostaddr", numeric},
        {"port", std::to_string(server.port)},
        {"dbname", options.database},
        {"user", options.user},
        {"password", options.password},
        {"passfile", orNoFile(options.passfile)},
        {"application_name", "leasehold"},
        {"client_encoding", "UTF8"},
        {"connect_timeout", "0"}, // each call has its own deadline
        {"target_session_attrs", "any"},
        {"gssencmode", "disable"},
        {"channel_binding", "prefer"},
        {"keepalives", "1"},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "5"},
        {"keepalives_count", "3"},
        {"sslmode", server.isUnixSocket() ? "disable" : sslMode(options.tls)},
        {"sslrootcert", options.tls == PostgreSQLTls::require ? noFile
                        : options.caFile.empty()              ? systemCertificates()
                                                              : options.caFile},
        {"sslcert", orNoFile(options.clientCertificateFile)},
        {"sslkey", orNoFile(options.clientKeyFile)},
        {"sslcrl", noFile},
        {"ssl_min_protocol_version", "TLSv1.2"},
        // A pooler refuses settings, so each transaction brings its own (LockCalls::prelude).
        {"options", options.pooler == PostgreSQLPooler::none ? sessionSettings() : ""},
    };
    overrideEnvironment(result);
    return result;
}

} // namespace Leasehold::PostgreSQL
