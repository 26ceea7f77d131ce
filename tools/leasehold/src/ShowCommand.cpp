#include "Command.h"
#include "ExitStatus.h"
#include "LockListing.h"
#include "QuietObserver.h"
#include "StoreChoice.h"
#include "UsageError.h"
#include "jsonLines.h"

#include "Leasehold/printable.h"

#include <array>
#include <iostream>

namespace Leasehold::Tool
{

namespace
{

constexpr std::array options = {OptionSpec{"--json", "", "one JSON object, as `list --json` writes it"}};

int show(const CommandLine& line, const std::vector<std::string>& words)
{
    if (line.operands().size() != 1 || line.hasSeparator())
        throw UsageError("show needs the name of one lock");
    const auto& name = line.operands()[0];
    auto chosen = chooseStore(line, line.has("--quiet"), words);
    LockManagerService service(std::move(chosen.store), std::move(chosen.policy), {.observers = {std::make_shared<QuietObserver>()}});
    const auto lock = service.find(name);
    if (!lock)
    {
        if (!line.has("--json"))
            std::cout << "lock \"" << printable(name) << "\" is free\n";
        return 1;
    }
    std::cout << (line.has("--json") ? lockJson(*lock) + "\n" : lockDetails(*lock)) << std::flush;
    return exitSuccess;
}

} // namespace

const Command showCommand = {"show",
                             "NAME [--json]",
                             "show who holds one lock",
                             "The exit status is 0 if somebody holds the lock and 1 if it is free.\n",
                             "  leasehold show nightly-backup\n",
                             options,
                             &show};

} // namespace Leasehold::Tool
