#include "BarePostgreSQL.h"
#include "Churn.h"
#include "PostgreSQLStorage.h"

namespace Leasehold::Bench
{
namespace
{

class PostgreSQLBench : public StorageBench
{
public:
    explicit PostgreSQLBench(std::string kind) : _kind(std::move(kind)) {}

    Targets targets() const override
    {
        const auto atLeast = [](double most) { return Target{Target::Bound::atLeast, most}; };
        return {.pair = atLeast(0.95), .threads = {{16, atLeast(1.5)}, {64, atLeast(3)}}, .keeping = 3, .handOver = 5};
    }

    std::string bareName() const override { return "the same function calls from bare libpq connections, one a thread"; }

    std::unique_ptr<BareClient> bareClient(const std::string& url, const std::string& name) override
    {
        return std::make_unique<BarePostgreSQL>(_postgres->connectionString() + " dbname=leasehold", schemaOf(url), name);
    }

    std::optional<pid_t> serverProcess() override { return _postgres->pid(); }

    /// The transactions of the database.
    std::optional<std::uint64_t> requests() override
    {
        return std::stoull(_postgres->value("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'leasehold'"));
    }

    std::vector<Scenario> scenarios() override
    {
        return {{.name = "churn",
                 .title = "ten minutes of 10,000 updates a second",
                 .isLong = true,
                 .run = [this](Setting& setting)
                 {
                     storage(); // starts the server
                     return measureChurn(setting, *this, *_postgres);
                 }}};
    }

protected:
    std::unique_ptr<StorageAdapter> start() override
    {
        auto storage = std::make_unique<PostgreSQLStorage>(_kind);
        _postgres = &storage->postgres();
        return storage;
    }

private:
    const std::string _kind;
    PostgresServer* _postgres = nullptr;
};

} // namespace

std::unique_ptr<StorageBench> postgresqlBench(const std::string& kind)
{
    return std::make_unique<PostgreSQLBench>(kind);
}

} // namespace Leasehold::Bench
