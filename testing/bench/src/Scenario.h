#pragma once

#include "Result.h"
#include "Setting.h"

#include <functional>
#include <string>

namespace Leasehold::Bench
{

struct Scenario
{
    std::string name{}; ///< what `--only` finds
    std::string title{};
    bool isLong = false; ///< runs only with `--long`, and in a smoke run
    std::function<Result(Setting&)> run{};
};

} // namespace Leasehold::Bench
