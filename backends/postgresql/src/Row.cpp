#include "Row.h"

namespace Leasehold::PostgreSQL
{

std::int64_t Row::integer(std::size_t column) const
{
    const auto text = present(column);
    if (text.size() != 2 && text.size() != 4 && text.size() != 8)
        throw MalformedRow("a column is no number");
    std::uint64_t number = (static_cast<unsigned char>(text.front()) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (const char c : text)
        number = number << 8 | static_cast<unsigned char>(c);
    return static_cast<std::int64_t>(number);
}

std::string Row::bytes(std::size_t column) const
{
    return std::string(present(column));
}

bool Row::flag(std::size_t column) const
{
    const auto text = present(column);
    if (text.size() != 1 || (text.front() != '\0' && text.front() != '\1'))
        throw MalformedRow("a column is no boolean");
    return text.front() == '\1';
}

bool Row::isNull(std::size_t column) const
{
    return !field(column).has_value();
}

const Row::Field& Row::field(std::size_t column) const
{
    if (column >= _fields.size())
        throw MalformedRow("a column is missing");
    return _fields[column];
}

std::string_view Row::present(std::size_t column) const
{
    const auto& value = field(column);
    if (!value)
        throw MalformedRow("a column is null");
    return *value;
}

} // namespace Leasehold::PostgreSQL
