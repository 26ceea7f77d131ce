#include "Help.h"

#include "BuiltStores.h"

#include <algorithm>

namespace Leasehold::Tool
{

namespace
{

constexpr std::size_t helpColumn = 28;

std::string entry(const std::string& what, std::string_view help, std::size_t column = helpColumn)
{
    const auto gap = what.size() + 2 < column ? column - what.size() - 2 : 1;
    return "  " + what + std::string(gap, ' ') + std::string(help) + "\n";
}

std::string optionTable(std::span<const OptionSpec> options)
{
    std::string table = "\nOptions:\n";
    for (const auto& option : options)
        table += entry(std::string(option.name) + (option.argument.empty() ? "" : " " + std::string(option.argument)), option.help);
    std::size_t column = helpColumn;
    for (const auto& store : builtStores)
        column = std::max(column, store.url.size() + 4);
    table += "\nStore URLs (any key of the store may follow as ?KEY=VALUE):\n";
    for (const auto& store : builtStores)
        if (!store.isOfOneProcess)
            table += entry(std::string(store.url), store.about, column);
    return table;
}

} // namespace

std::string programHelp(std::span<const Command* const> commands, std::span<const OptionSpec> options)
{
    std::string text = "Usage: leasehold [--config FILE | --store URL] COMMAND ...\n\n"
                       "Locks that are leases, for cron jobs and scripts on one host or many: no command outlives its lock.\n\nCommands:\n";
    for (const auto* command : commands)
        text += entry(std::string(command->name), command->summary);
    text += optionTable(options);
    return text + "\nA duration is a whole number and its unit: 250ms, 30s, 5m, 1h.\n"
                  "The store is that of --store or --config, else of LEASEHOLD_STORE, else of /etc/leasehold.properties, else the\n"
                  "user's own store.\n\nExample:\n"
                  "  leasehold run nightly-backup -- /usr/local/bin/backup --all\n\n"
                  "leasehold COMMAND --help describes one command, leasehold(1) all of them.\n";
}

std::string commandHelp(const Command& command, std::span<const OptionSpec> options)
{
    return "Usage: leasehold " + std::string(command.name) + (command.synopsis.empty() ? "" : " ") + std::string(command.synopsis) +
           "\n\n" + std::string(command.details) + optionTable(options) + "\nExample:\n" + std::string(command.example);
}

} // namespace Leasehold::Tool
