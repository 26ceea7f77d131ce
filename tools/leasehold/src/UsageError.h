#pragma once

#include <stdexcept>

namespace Leasehold::Tool
{

/// The command line is wrong. The message says what, and what is right.
class UsageError : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

} // namespace Leasehold::Tool
