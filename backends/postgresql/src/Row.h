#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold::PostgreSQL
{

/// A row is not what our functions return, so the functions are not ours.
class MalformedRow : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

/// One row of an answer, in PostgreSQL's binary format. It refers to the memory of the answer. Every function throws MalformedRow for a
/// column that is missing, null or of another size.
class Row
{
public:
    using Field = std::optional<std::string_view>; ///< nullopt: null

    explicit Row(std::vector<Field> fields) : _fields(std::move(fields)) {}

    /// A smallint, an integer or a bigint.
    std::int64_t integer(std::size_t column) const;
    /// A bytea or a text.
    std::string bytes(std::size_t column) const;
    bool flag(std::size_t column) const;
    bool isNull(std::size_t column) const;

private:
    const Field& field(std::size_t column) const;
    std::string_view present(std::size_t column) const;

    std::vector<Field> _fields;
};

} // namespace Leasehold::PostgreSQL
