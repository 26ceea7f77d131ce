#include "Command.h"
#include "ExitStatus.h"
#include "Messages.h"
#include "QuietObserver.h"
#include "StoreChoice.h"
#include "TimeText.h"
#include "UsageError.h"

#include "Leasehold/describeHolder.h"
#include "Leasehold/printable.h"

#include <array>
#include <iostream>
#include <string>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

constexpr std::array options = {
    OptionSpec{"--yes", "", "do not ask"},
    OptionSpec{"--now", "", "free it at once: its holder may work on until its next renewal, beside the next holder"},
};

bool confirmed(bool now)
{
    if (::isatty(STDIN_FILENO) == 0)
        throw UsageError("break asks before it acts, and standard input is no terminal: give --yes");
    std::cout << (now ? "Free it at once? Its holder may work on until its next renewal, beside the next one. [y/N] "
                      : "Take it away? Its holder is told at its next renewal. [y/N] ")
              << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

int breakLock(const CommandLine& line, const std::vector<std::string>& words)
{
    if (line.operands().size() != 1 || line.hasSeparator())
        throw UsageError("break needs the name of one lock");
    const auto& name = line.operands()[0];
    const bool now = line.has("--now");
    auto chosen = chooseStore(line, line.has("--quiet"), words);
    LockManagerService service(std::move(chosen.store), std::move(chosen.policy), {.observers = {std::make_shared<QuietObserver>()}});

    const auto lock = service.find(name);
    if (!lock)
    {
        std::cout << "lock \"" << printable(name) << "\" is free: there is nothing to break\n";
        return 1;
    }
    std::cout << "lock \"" << printable(name) << "\" (fence " << lock->fence << ") is " << describeHolder(*lock) << '\n' << std::flush;
    if (lock->broken && !now)
    {
        std::cout << "it was broken already, and is free in at most " << secondsText(lock->remaining)
                  << ": nothing was changed (--now frees it at once)\n";
        return 1;
    }
    if (!line.has("--yes") && !confirmed(now))
    {
        std::cout << "nothing was changed\n";
        return 1;
    }
    if (!service.breakLock(name, lock->fence, now ? BreakMode::now : BreakMode::whenItEnds))
    {
        std::cout << "that lease has ended meanwhile: nothing was changed\n";
        return 1;
    }
    if (now)
        std::cout << "broken: it is free now\n";
    else
        std::cout << "broken: its holder cannot renew it any more, and it is free in at most " << secondsText(lock->remaining) << '\n';
    return exitSuccess;
}

} // namespace

const Command breakCommand = {
    "break",
    "NAME [--yes] [--now]",
    "take a lock away from its holder",
    "Shows who holds the lock and asks before it acts. The holder can no longer renew its lease and is told so; nobody else\n"
    "gets the lock before that lease has ended, so holders never overlap. Only the lease that was shown is broken: if\n"
    "another has the lock by then, nothing happens. The exit status is 0 if it was broken, and 1 if nothing was changed (the\n"
    "lock is free, or was broken before).\n",
    "  leasehold break nightly-backup\n",
    options,
    &breakLock};

} // namespace Leasehold::Tool
