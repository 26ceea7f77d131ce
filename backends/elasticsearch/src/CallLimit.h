#pragma once

#include "Leasehold/CallContext.h"

#include <chrono>
#include <stop_token>

namespace Leasehold
{

/// The end of one call, by the clock that sockets are waited for with.
struct CallLimit
{
    using Time = std::chrono::steady_clock::time_point;

    Time deadline{};
    std::stop_token cancel{};

    static CallLimit of(const CallContext& context) { return {std::chrono::steady_clock::now() + context.timeLeft(), context.cancel()}; }

    std::chrono::milliseconds timeLeft() const
    {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        return left.count() > 0 ? left : std::chrono::milliseconds(0);
    }
};

} // namespace Leasehold
