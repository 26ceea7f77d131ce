#include "JsonNumbers.h"

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace Leasehold
{
namespace
{

template <typename Number>
bool fits(std::string_view digits)
{
    Number number{};
    return std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc::result_out_of_range;
}

/// The position after the string that begins at `quote`.
std::size_t endOfText(std::string_view json, std::size_t quote)
{
    for (auto at = quote + 1; at < json.size(); ++at)
    {
        if (json[at] == '\\')
            ++at;
        else if (json[at] == '"')
            return at + 1;
    }
    return json.size();
}

} // namespace

std::vector<std::string_view> numbersIn(std::string_view json)
{
    constexpr std::string_view begins = "-0123456789", continues = "+-.eE0123456789";
    std::vector<std::string_view> numbers;
    for (std::size_t at = 0; at < json.size();)
    {
        if (json[at] == '"')
        {
            at = endOfText(json, at);
        }
        else if (begins.find(json[at]) != std::string_view::npos)
        {
            numbers.push_back(json.substr(at, json.find_first_not_of(continues, at) - at));
            at += numbers.back().size();
        }
        else
        {
            ++at;
        }
    }
    return numbers;
}

std::optional<std::string_view> oversizedWholeNumber(std::string_view json)
{
    constexpr std::string_view makesReal = ".eE";
    for (const auto number : numbersIn(json))
        if (number.find_first_of(makesReal) == std::string_view::npos &&
            !(number.front() == '-' ? fits<std::int64_t>(number) : fits<std::uint64_t>(number)))
            return number;
    return {};
}

} // namespace Leasehold
