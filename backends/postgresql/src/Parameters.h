#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold::PostgreSQL
{

/// The parameters of one call in PostgreSQL's binary format. So no value is quoted, and none depends on the encoding of the database.
class Parameters
{
public:
    Parameters& bytes(std::string_view value);
    Parameters& integer(std::int64_t value);
    Parameters& flag(bool value);
    Parameters& byteArray(const std::vector<std::string_view>& values);
    Parameters& integerArray(const std::vector<std::int64_t>& values);

    int count() const { return static_cast<int>(_values.size()); }
    /// As libpq takes them; valid while this object is unchanged.
    std::vector<const char*> values() const;
    std::vector<int> lengths() const;

private:
    std::vector<std::string> _values;
};

} // namespace Leasehold::PostgreSQL
