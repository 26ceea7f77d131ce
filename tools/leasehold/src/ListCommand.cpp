#include "Command.h"
#include "ExitStatus.h"
#include "LockListing.h"
#include "Messages.h"
#include "QuietObserver.h"
#include "StoreChoice.h"
#include "UsageError.h"
#include "jsonLines.h"

#include <array>
#include <cstdlib>
#include <iostream>
#include <poll.h>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

constexpr std::array options = {
    OptionSpec{"--prefix", "TEXT", "only the locks whose names begin so"},
    OptionSpec{"--json", "", "one JSON object a line, for programs"},
    OptionSpec{"--watch", "", "show it again each second, until Ctrl-C"},
};

constexpr std::size_t pageSize = 1000;
constexpr int watchInterval = 1000; // ms

std::vector<LockRecord> allLocks(LockManagerService& service, const std::string& prefix)
{
    std::vector<LockRecord> all;
    for (;;)
    {
        const auto page = service.list({.prefix = prefix, .after = all.empty() ? std::string() : all.back().name, .limit = pageSize});
        all.insert(all.end(), page.begin(), page.end());
        if (page.size() < pageSize)
            return all;
    }
}

bool wantsColour()
{
    const char* const refused = std::getenv("NO_COLOR");
    return ::isatty(STDOUT_FILENO) != 0 && (refused == nullptr || *refused == '\0');
}

void show(const std::vector<LockRecord>& locks, bool json)
{
    if (json)
    {
        for (const auto& lock : locks)
            std::cout << lockJson(lock) << '\n';
    }
    else if (locks.empty())
        std::cout << "no lock is held\n";
    else
        std::cout << lockTable(locks, wantsColour());
    std::cout << std::flush;
}

int list(const CommandLine& line, const std::vector<std::string>& words)
{
    if (!line.operands().empty() || line.hasSeparator())
        throw UsageError("list takes no operand: did you mean --prefix, or leasehold show NAME?");
    auto chosen = chooseStore(line, line.has("--quiet"), words);
    LockManagerService service(std::move(chosen.store), std::move(chosen.policy), {.observers = {std::make_shared<QuietObserver>()}});
    const auto prefix = line.value("--prefix").value_or("");
    const bool json = line.has("--json");
    if (!line.has("--watch"))
    {
        show(allLocks(service, prefix), json);
        return exitSuccess;
    }
    // Ctrl-C ends the program as it ends any other, also while the store does not answer.
    const bool clears = !json && ::isatty(STDOUT_FILENO) != 0;
    while (std::cout)
    {
        const auto locks = allLocks(service, prefix);
        if (clears)
            std::cout << "\x1b[H\x1b[2J";
        show(locks, json);
        ::poll(nullptr, 0, watchInterval);
    }
    return exitSuccess;
}

} // namespace

const Command listCommand = {
    "list",
    "[--prefix TEXT] [--json] [--watch]",
    "show who holds which locks",
    "A table of the locks that are held: name, holder, since when (UTC), the time until the lease ends unless its holder\n"
    "renews it (\"broken\": somebody broke the lock, so it cannot be renewed), and the fence. With --json one line per lock:\n"
    "  {\"name\":TEXT,\"fence\":NUMBER,\"acquiredAt\":RFC3339,\"expiresAt\":RFC3339,\"ttlMs\":NUMBER,\n"
    "   \"remainingMs\":NUMBER,\"broken\":BOOL,\"metadata\":OBJECT}\n",
    "  leasehold list --prefix deploy/ --json | jq -r .name\n",
    options,
    &list};

} // namespace Leasehold::Tool
