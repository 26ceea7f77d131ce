#include "PostgreSQLFixture.h"

namespace Leasehold
{

PostgresServer& PostgreSQLFixture::server()
{
    static PostgresServer shared("postgresql15", {.settings = {"max_prepared_transactions = 4"}});
    return shared;
}

void PostgreSQLFixture::setUp()
{
    static int schemas = 0;
    _schema = "test_" + std::to_string(++schemas);
}

void PostgreSQLFixture::tearDown()
{
    server().query("DROP SCHEMA IF EXISTS " + _schema + " CASCADE");
}

std::unique_ptr<PostgreSQLLockStore> PostgreSQLFixture::open(PostgreSQLOptions options)
{
    auto store = std::make_unique<PostgreSQLLockStore>(std::move(options));
    store->prepare(context());
    return store;
}

PostgresServer::Rows PostgreSQLFixture::sql(std::string text) const
{
    const std::string word = "$SCHEMA";
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word))
        text.replace(at, word.size(), _schema);
    return server().query(text);
}

} // namespace Leasehold
