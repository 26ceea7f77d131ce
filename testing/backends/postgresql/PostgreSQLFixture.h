#pragma once

#include "PostgresServer.h"
#include "StoreFixture.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/PostgreSQLLockStore.h"

#include <cstdlib>
#include <memory>
#include <string>

namespace Leasehold
{

/// A variable of the environment that is set for the time of a test.
class EnvironmentVariable
{
public:
    EnvironmentVariable(const char* name, const char* value) : _name(name) { ::setenv(name, value, 1); }
    ~EnvironmentVariable() { ::unsetenv(_name); }
    EnvironmentVariable(const EnvironmentVariable&) = delete;
    EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

private:
    const char* const _name;
};

/// A test with a schema of its own, on a server that the whole program shares.
class PostgreSQLFixture : public StoreFixture
{
public:
    void setUp() override;
    void tearDown() override;

protected:
    static PostgresServer& server();
    const std::string& schema() const { return _schema; }
    PostgreSQLOptions options() const { return server().storeOptions(_schema); }

    /// A store as another process would have it, prepared.
    std::unique_ptr<PostgreSQLLockStore> open() const { return open(options()); }
    static std::unique_ptr<PostgreSQLLockStore> open(PostgreSQLOptions options);

    /// Runs SQL in which $SCHEMA is the schema of this test.
    PostgresServer::Rows sql(std::string text) const;

private:
    std::string _schema;
};

} // namespace Leasehold
