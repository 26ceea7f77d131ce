#pragma once

#include "Command.h"

#include <span>
#include <string>

namespace Leasehold::Tool
{

std::string programHelp(std::span<const Command* const> commands, std::span<const OptionSpec> options);
std::string commandHelp(const Command& command, std::span<const OptionSpec> options);

} // namespace Leasehold::Tool
