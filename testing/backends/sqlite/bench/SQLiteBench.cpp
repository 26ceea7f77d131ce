#include "BareSQLite.h"

namespace Leasehold
{

std::unique_ptr<StorageAdapter> sqliteStorage(const std::string& kind);
}

namespace Leasehold::Bench
{
namespace
{

/// The kinds are the two durabilities.
class SQLiteBench : public StorageBench
{
public:
    explicit SQLiteBench(std::string kind) : _kind(std::move(kind)) {}

    Targets targets() const override
    {
        const Target target{Target::Bound::atLeast, 0.8};
        return {.pair = target, .threads = {{4, target}, {16, target}}, .handOver = 5, .command = 3};
    }

    std::string bareName() const override { return "bare transactions through the C API"; }

    /// It uses a file of its own, because its table is another.
    std::unique_ptr<BareClient> bareClient(const std::string& url, const std::string& name) override
    {
        const std::string scheme = "sqlite://";
        const auto path = url.substr(scheme.size(), url.find('?') - scheme.size());
        return std::make_unique<BareSQLite>(path + "-bare", name, _kind == "sqlite-full");
    }

protected:
    std::unique_ptr<StorageAdapter> start() override { return sqliteStorage(_kind); }

private:
    const std::string _kind;
};

} // namespace

std::unique_ptr<StorageBench> sqliteBench(const std::string& kind)
{
    return std::make_unique<SQLiteBench>(kind);
}

} // namespace Leasehold::Bench
