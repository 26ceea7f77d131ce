#pragma once

#include "Leasehold/Durations.h"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold::Tool
{

/// One option as the user may write it: `--name ARGUMENT`, `--name=ARGUMENT`, or `--name` if it takes none.
struct OptionSpec
{
    std::string_view name;     ///< with its dashes
    std::string_view argument; ///< what to call its argument in the help; empty: it takes none
    std::string_view help;
};

/// The words of a command line, split into options, the command, its operands, and what stands after `--`. Throws UsageError for an option
/// that is not known or stands twice, and for a missing or superfluous argument. Options are never abbreviated: a script that relies on
/// `--ti` breaks when `--timeout` comes.
class CommandLine
{
public:
    /// The program's own options and the name of the command, which is the first operand.
    CommandLine(std::span<const std::string> words, std::span<const OptionSpec> known);

    /// What follows the command's name.
    void parseCommand(std::span<const OptionSpec> known);

    /// Empty: none was given.
    const std::string& command() const noexcept { return _command; }

    bool has(std::string_view option) const;
    std::optional<std::string> value(std::string_view option) const;

    /// The value as a duration from minimum to maximum, or nullopt if the option is absent. Throws UsageError naming what is allowed.
    std::optional<Milliseconds> duration(std::string_view option, Milliseconds minimum, Milliseconds maximum) const;
    /// The same, and "forever" is allowed.
    std::optional<Milliseconds> durationOrForever(std::string_view option, Milliseconds minimum, Milliseconds maximum) const;
    /// The value as a whole number from minimum to maximum.
    std::optional<int> number(std::string_view option, int minimum, int maximum) const;

    const std::vector<std::string>& operands() const noexcept { return _operands; }
    /// The words after `--`.
    const std::vector<std::string>& afterSeparator() const noexcept { return _afterSeparator; }
    bool hasSeparator() const noexcept { return _separator; }

private:
    std::optional<Milliseconds> boundedDuration(std::string_view option, Milliseconds minimum, Milliseconds maximum,
                                                const char* orElse) const;
    bool takeOption(std::span<const OptionSpec> known);

    std::vector<std::string> _words; // of which those before _next are done with
    std::size_t _next = 0;
    std::string _command;
    std::map<std::string, std::string, std::less<>> _options;
    std::vector<std::string> _operands;
    std::vector<std::string> _afterSeparator;
    bool _separator = false;
};

} // namespace Leasehold::Tool
