#include "CommandLine.h"

#include "UsageError.h"

#include <algorithm>
#include <charconv>

namespace Leasehold::Tool
{

namespace
{

const OptionSpec& specOf(std::string_view name, std::span<const OptionSpec> known)
{
    const auto spec = std::find_if(known.begin(), known.end(), [&](const OptionSpec& one) { return one.name == name; });
    if (spec == known.end())
        throw UsageError("the option " + std::string(name) + " is not known here");
    return *spec;
}

} // namespace

CommandLine::CommandLine(std::span<const std::string> words, std::span<const OptionSpec> known) : _words(words.begin(), words.end())
{
    while (_next < _words.size() && _command.empty())
    {
        if (takeOption(known))
            continue;
        if (_words[_next] == "--" || _words[_next].empty())
            throw UsageError("a command is missing before \"" + _words[_next] + "\"");
        _command = _words[_next++];
    }
}

void CommandLine::parseCommand(std::span<const OptionSpec> known)
{
    while (_next < _words.size() && !_separator)
    {
        if (takeOption(known))
            continue;
        if (_words[_next] == "--")
        {
            _separator = true;
            _afterSeparator.assign(_words.begin() + static_cast<std::ptrdiff_t>(_next) + 1, _words.end());
        }
        else
            _operands.push_back(_words[_next++]);
    }
}

/// True: the next word was one, and it and its argument are done with.
bool CommandLine::takeOption(std::span<const OptionSpec> known)
{
    const auto& word = _words[_next];
    if (word.size() < 2 || word[0] != '-' || word == "--")
        return false;
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto& spec = specOf(name, known);
    ++_next;
    std::string value;
    if (spec.argument.empty())
    {
        if (equals != std::string::npos)
            throw UsageError("the option " + name + " takes no argument");
    }
    else if (equals != std::string::npos)
        value = word.substr(equals + 1);
    else if (_next < _words.size())
        value = _words[_next++];
    else
        throw UsageError("the option " + name + " needs its argument " + std::string(spec.argument));
    if (!_options.emplace(name, value).second)
        throw UsageError("the option " + name + " stands twice: give it once");
    return true;
}

bool CommandLine::has(std::string_view option) const
{
    return _options.find(option) != _options.end();
}

std::optional<std::string> CommandLine::value(std::string_view option) const
{
    const auto found = _options.find(option);
    return found == _options.end() ? std::nullopt : std::optional(found->second);
}

/// `orElse` is what else the message names as allowed.
std::optional<Milliseconds> CommandLine::boundedDuration(std::string_view option, Milliseconds minimum, Milliseconds maximum,
                                                         const char* orElse) const
{
    const auto text = value(option);
    if (!text)
        return std::nullopt;
    const auto parsed = parseDuration(*text);
    if (!parsed || *parsed < minimum || *parsed > maximum)
        throw UsageError(std::string(option) + " " + *text +
                         (parsed ? " is out of bounds" : " is not a duration (a whole number and its unit, like 250ms, 30s, 5m, 1h)") +
                         ": allowed is " + formatDuration(minimum) + " to " + formatDuration(maximum) + orElse);
    return parsed;
}

std::optional<Milliseconds> CommandLine::duration(std::string_view option, Milliseconds minimum, Milliseconds maximum) const
{
    return boundedDuration(option, minimum, maximum, "");
}

std::optional<Milliseconds> CommandLine::durationOrForever(std::string_view option, Milliseconds minimum, Milliseconds maximum) const
{
    return value(option) == "forever" ? std::optional(forever) : boundedDuration(option, minimum, maximum, ", or forever");
}

std::optional<int> CommandLine::number(std::string_view option, int minimum, int maximum) const
{
    const auto text = value(option);
    if (!text)
        return std::nullopt;
    int number = 0;
    const char* const end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, number);
    if (error != std::errc{} || rest != end || number < minimum || number > maximum)
        throw UsageError(std::string(option) + " " + *text + " is out of bounds: allowed is a whole number from " +
                         std::to_string(minimum) + " to " + std::to_string(maximum));
    return number;
}

} // namespace Leasehold::Tool
