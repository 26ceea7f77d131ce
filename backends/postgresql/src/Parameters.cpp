#include "Parameters.h"

#include "typeNumbers.h"

#include <cstddef>

namespace Leasehold::PostgreSQL
{

namespace
{

template <typename Number>
void appendBigEndian(std::string& text, Number number)
{
    for (int shift = static_cast<int>(sizeof number) * 8 - 8; shift >= 0; shift -= 8)
        text += static_cast<char>((static_cast<std::uint64_t>(number) >> shift) & 0xff);
}

/// The head of an array with one dimension, which begins at 1, and without nulls.
std::string arrayHead(TypeNumber element, std::size_t size)
{
    std::string text;
    appendBigEndian(text, std::int32_t{size == 0 ? 0 : 1});
    appendBigEndian(text, std::int32_t{0});
    appendBigEndian(text, static_cast<std::int32_t>(element));
    if (size == 0)
        return text;
    appendBigEndian(text, static_cast<std::int32_t>(size));
    appendBigEndian(text, std::int32_t{1});
    return text;
}

} // namespace

Parameters& Parameters::bytes(std::string_view value)
{
    _values.emplace_back(value);
    return *this;
}

Parameters& Parameters::integer(std::int64_t value)
{
    appendBigEndian(_values.emplace_back(), value);
    return *this;
}

Parameters& Parameters::flag(bool value)
{
    _values.emplace_back(1, value ? '\1' : '\0');
    return *this;
}

Parameters& Parameters::byteArray(const std::vector<std::string_view>& values)
{
    auto text = arrayHead(TypeNumber::bytes, values.size());
    for (const auto value : values)
    {
        appendBigEndian(text, static_cast<std::int32_t>(value.size()));
        text += value;
    }
    _values.push_back(std::move(text));
    return *this;
}

Parameters& Parameters::integerArray(const std::vector<std::int64_t>& values)
{
    auto text = arrayHead(TypeNumber::integer, values.size());
    for (const auto value : values)
    {
        appendBigEndian(text, static_cast<std::int32_t>(sizeof value));
        appendBigEndian(text, value);
    }
    _values.push_back(std::move(text));
    return *this;
}

std::vector<const char*> Parameters::values() const
{
    std::vector<const char*> result;
    for (const auto& value : _values)
        result.push_back(value.data());
    return result;
}

std::vector<int> Parameters::lengths() const
{
    std::vector<int> result;
    for (const auto& value : _values)
        result.push_back(static_cast<int>(value.size()));
    return result;
}

} // namespace Leasehold::PostgreSQL
