#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/BatchedLockStore.h"

#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

class StoreRegistry;

/// How a connection over TCP is protected. A unix socket needs no protection.
enum class PostgreSQLTls
{
    verifyFull, ///< TLS; the server's certificate must be trusted and be for its host
    verifyCa,   ///< TLS; the server's certificate must be trusted
    require,    ///< TLS to an unknown server: protects against readers, not against another server in its place
    disable     ///< none
};

/// What is between the store and the server.
enum class PostgreSQLPooler
{
    none,       ///< nothing, or a pooler in session mode
    transaction ///< a pooler that gives the connection to another client after each transaction, such as pgbouncer
};

/// The servers, the database, and the credentials.
struct PostgreSQLOptions
{
    std::vector<std::string> hosts{};              ///< "host", "host:5432", "[::1]:5432", or the folder of a unix socket, "/run/postgresql"
    std::string database = "leasehold";            ///< its name
    std::string user = "leasehold";                ///< the user of the database
    std::string password{};                        ///< of the user; empty: none, or from passfile
    std::string passfile{};                        ///< a password file of libpq, instead of the password
    PostgreSQLTls tls = PostgreSQLTls::verifyFull; ///< over TCP
    std::string caFile{};                          ///< PEM file with the certificates to trust; empty: the system's
    std::string clientCertificateFile{};           ///< PEM file, for servers that ask for one: with its key, or neither
    std::string clientKeyFile{};                   ///< PEM file with the key of the client certificate
    std::string schema = "leasehold";              ///< of the table and the functions
    PostgreSQLPooler pooler = PostgreSQLPooler::none; ///< see PostgreSQLPooler
};

namespace PostgreSQL
{
class LockDatabase;
}

/// Locks in PostgreSQL 12 and newer: one row per lock, one function call per verb. The clock of the server judges expiry.
/// backends/postgresql/README.md has the guarantees and limits. Thread-safe.
///
/// If the table is emptied, dropped or restored from a dump after this object has seen it, its leases are lost, and the store grants
/// nothing (LockStoreUnavailable) for the longest TTL that it was asked for: other processes may still hold leases of the lost rows.
class LEASEHOLD_EXPORT PostgreSQLLockStore final : public BatchedLockStore
{
public:
    /// Does not connect. Throws LockConfigurationError for options that cannot be used.
    explicit PostgreSQLLockStore(PostgreSQLOptions options);
    ~PostgreSQLLockStore() override;

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    void prepareToRead(const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;
    std::string engine(const CallContext& context) override;
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override;

protected:
    void carryOut(Batch& batch) override;
    int lane(const BatchStep& step) const override;

private:
    struct Delegated // or a braced list of options could mean this constructor
    {
    };
    PostgreSQLLockStore(std::unique_ptr<PostgreSQL::LockDatabase> database, Delegated);

    std::unique_ptr<PostgreSQL::LockDatabase> _database;
};

/// Adds the type "postgresql", with the keys `hosts`, `database`, `user`, `password`, `passfile`, `sslmode`, `ca_file`,
/// `client_certificate_file`, `client_key_file`, `schema` and `pooler` under `leasehold.store.postgresql`.
LEASEHOLD_EXPORT void registerPostgreSQLStore(StoreRegistry& registry);

} // namespace Leasehold
