#pragma once

#include "Leasehold/waitUntil.h"

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

namespace Leasehold
{

/// Throws unless the condition is true within a minute. A server that starts, or was just continued, may fail to answer.
inline void requireSoon(const std::string& what, const std::function<bool()>& condition)
{
    const auto quietly = [&]
    {
        try
        {
            return condition();
        }
        catch (const std::runtime_error&)
        {
            return false;
        }
    };
    if (!waitUntil(quietly, std::chrono::minutes(1)))
        throw std::runtime_error("in a minute not: " + what);
}

} // namespace Leasehold
