#pragma once

namespace Leasehold::PostgreSQL
{

/// PostgreSQL's numbers (OIDs) of the types of our parameters; they are the same in every version.
enum class TypeNumber : unsigned
{
    flag = 16,           // boolean
    bytes = 17,          // bytea
    integer = 20,        // bigint
    text = 25,           // text
    byteArray = 1001,    // bytea[]
    integerArray = 1016, // bigint[]
};

} // namespace Leasehold::PostgreSQL
