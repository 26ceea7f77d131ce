#pragma once

#include "Leasehold/Exceptions.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

/// The first of `uses` that does not throw an Error that names the fork; "" if all throw one.
template <typename Error = LockException>
std::string usedWithoutThrowing(const std::vector<std::pair<std::string, std::function<void()>>>& uses)
{
    for (const auto& [name, use] : uses)
    {
        try
        {
            use();
            return name;
        }
        catch (const Error& error)
        {
            if (std::string(error.what()).find("forked") == std::string::npos)
                return name + ": " + error.what();
        }
    }
    return {};
}

} // namespace Leasehold
