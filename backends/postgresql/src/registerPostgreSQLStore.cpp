#include "Leasehold/PostgreSQLLockStore.h"

#include "LockSchema.h"
#include "ServerAddress.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/Store/StoreSettings.h"

#include <Poco/StringTokenizer.h>

#include <algorithm>

namespace Leasehold
{

namespace
{

std::vector<std::string> splitAtCommas(const std::string& text)
{
    const Poco::StringTokenizer parts(text, ",", Poco::StringTokenizer::TOK_TRIM);
    return {parts.begin(), parts.end()};
}

PostgreSQLTls tlsOf(const std::string& mode)
{
    if (mode == "verify-full")
        return PostgreSQLTls::verifyFull;
    if (mode == "verify-ca")
        return PostgreSQLTls::verifyCa;
    return mode == "require" ? PostgreSQLTls::require : PostgreSQLTls::disable;
}

} // namespace

void registerPostgreSQLStore(StoreRegistry& registry)
{
    registry.add("postgresql",
                 [](StoreSettings& settings) -> std::shared_ptr<LockStore>
                 {
                     // Read all keys before checking one: a key that was not read would be reported as unknown.
                     const auto hosts = settings.text("hosts");
                     PostgreSQLOptions options;
                     options.database = settings.text("database", options.database);
                     options.user = settings.text("user", options.user);
                     options.password = settings.secret("password").value_or("");
                     options.passfile = settings.resolvePath(settings.optionalText("passfile").value_or(""));
                     options.tls = tlsOf(settings.choice("sslmode", {"verify-full", "verify-ca", "require", "disable"}));
                     options.caFile = settings.resolvePath(settings.optionalText("ca_file").value_or(""));
                     options.clientCertificateFile = settings.resolvePath(settings.optionalText("client_certificate_file").value_or(""));
                     options.clientKeyFile = settings.resolvePath(settings.optionalText("client_key_file").value_or(""));
                     options.schema = settings.text("schema", options.schema);
                     options.pooler = settings.choice("pooler", {"none", "transaction"}) == "none" ? PostgreSQLPooler::none
                                                                                                   : PostgreSQLPooler::transaction;
                     options.hosts = splitAtCommas(hosts);
                     if (!PostgreSQL::LockSchema::isName(options.schema))
                         settings.refuse("schema", options.schema, "up to 63 of a-z, 0-9 and _, without a digit or pg_ at the beginning");
                     return std::make_shared<PostgreSQLLockStore>(std::move(options));
                 },
                 {{.scheme = "postgresql", .hosts = "hosts", .path = "database"}});
}

} // namespace Leasehold
