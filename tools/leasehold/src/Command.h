#pragma once

#include "CommandLine.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold::Tool
{

/// One of the program's commands: what the help says of it, and what it does.
struct Command
{
    std::string_view name;
    std::string_view synopsis; ///< what follows the name
    std::string_view summary;  ///< one line
    std::string_view details;
    std::string_view example; ///< whole lines
    std::span<const OptionSpec> options;
    /// `words` are those of the whole command line. Returns the exit status; throws what Failure knows.
    int (*run)(const CommandLine&, const std::vector<std::string>& words);
};

extern const Command runCommand;
extern const Command listCommand;
extern const Command showCommand;
extern const Command breakCommand;
extern const Command checkCommand;

} // namespace Leasehold::Tool
