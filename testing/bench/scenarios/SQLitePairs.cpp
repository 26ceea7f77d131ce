#include "Alternation.h"
#include "BareSQLite.h"
#include "ThreadCrew.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"
#include "Leasehold/SQLiteLockStore.h"

#include <memory>
#include <string>
#include <vector>

namespace Leasehold::Bench
{
namespace
{

Result measure(Setting& setting, SQLiteDurability durability)
{
    const bool full = durability == SQLiteDurability::full;
    const std::string path = setting.folder() + (full ? "/full" : "/normal");
    SQLiteOptions options;
    options.path = path + "-ours.db";
    options.durability = durability;
    LockManagerService locks(std::make_shared<SQLiteLockStore>(options));

    Result result;
    Plot rates{full ? "sqlite-pair-full" : "sqlite-pair-normal",
               std::string("Pairs of acquire and release in SQLite, durability ") + (full ? "full" : "normal"),
               "threads",
               "pairs/s",
               true,
               false,
               {{"Leasehold", {}}, {"bare transactions, a connection for each thread", {}}}};
    for (const std::size_t threads : {std::size_t{1}, std::size_t{4}, std::size_t{16}})
    {
        std::vector<std::unique_ptr<BareSQLite>> bare;
        for (std::size_t number = 0; number < threads; ++number)
            bare.push_back(std::make_unique<BareSQLite>(path + "-bare.db", full));
        std::vector<std::string> names;
        for (std::size_t number = 0; number < threads; ++number)
            names.push_back("job/" + std::to_string(number));

        const auto ours = [&]
        { return crewRate(threads, setting.slice(), [&](std::size_t number) { locks.acquire(names[number]).release(); }).perSecond; };
        const auto limit = [&]
        {
            return crewRate(threads, setting.slice(),
                            [&](std::size_t number)
                            {
                                bare[number]->acquire(names[number]);
                                bare[number]->release(names[number]);
                            })
                .perSecond;
        };
        ours(), limit();
        Line line{.what = std::to_string(threads) + (threads == 1 ? " thread" : " threads"),
                  .unit = "pairs/s",
                  .limitName = threads == 1 ? "bare transactions through the C API" : "the same, a connection for each thread",
                  .target = Target{Target::Bound::atLeast, 0.8}};
        if (threads > 1)
            line = alternate(setting, line, ours, limit);
        else
            line = alternateOneByOne(
                setting, line, setting.pick<std::size_t>(2, full ? 50 : 2000), true, [&] { locks.acquire(names[0]).release(); },
                [&]
                {
                    bare[0]->acquire(names[0]);
                    bare[0]->release(names[0]);
                });
        rates.curves[0].points.emplace_back(threads, line.ours.median);
        rates.curves[1].points.emplace_back(threads, line.limit->median);
        result.lines.push_back(std::move(line));
    }
    result.plots.push_back(std::move(rates));
    return result;
}

} // namespace

Result measureSQLitePairsFull(Setting& setting)
{
    return measure(setting, SQLiteDurability::full);
}

Result measureSQLitePairsNormal(Setting& setting)
{
    return measure(setting, SQLiteDurability::normal);
}

} // namespace Leasehold::Bench
