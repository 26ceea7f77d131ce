#include "PostgreSQLStorage.h"

#include <Poco/Exception.h>

namespace Leasehold
{

std::string PostgreSQLStorage::name() const
{
    return "PostgreSQL " + _server.value("SHOW server_version");
}

std::string PostgreSQLStorage::emptyStorage()
{
    repair();
    _schema = "tested_" + std::to_string(++_schemas);
    return urlThrough(_server.port());
}

std::string PostgreSQLStorage::properties() const
{
    const std::string prefix = "leasehold.store.postgresql.";
    return prefix + "hosts = 127.0.0.1:" + std::to_string(_server.port()) + "\n" + prefix + "user = lease\n" + prefix +
           "sslmode = disable\n" + prefix + "schema = " + _schema + "\n";
}

std::size_t PostgreSQLStorage::countTables()
{
    return std::stoul(_server.value("SELECT count(*) FROM pg_tables WHERE schemaname = '" + _schema + "'"));
}

std::string PostgreSQLStorage::urlThrough(int port) const
{
    return "postgresql://127.0.0.1:" + std::to_string(port) + "/leasehold?user=lease&sslmode=disable&schema=" + _schema;
}

void PostgreSQLStorage::deleteStorage()
{
    _server.query("DROP SCHEMA " + _schema + " CASCADE");
}

/// A test that failed halfway may have left the server stopped or dead. Also removes the schema of that test.
void PostgreSQLStorage::repair()
{
    try
    {
        _server.resume();
        if (!_schema.empty())
            _server.query("DROP SCHEMA IF EXISTS " + _schema + " CASCADE");
    }
    catch (const Poco::Exception&)
    {
        _server.restart();
    }
}

std::unique_ptr<StorageAdapter> postgresqlStorage(const std::string& kind)
{
    return std::make_unique<PostgreSQLStorage>(kind);
}

} // namespace Leasehold
