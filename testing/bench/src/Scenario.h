#pragma once

#include "Result.h"
#include "Setting.h"

#include <vector>

namespace Leasehold::Bench
{

struct Scenario
{
    const char* name;
    const char* title;
    Result (*run)(Setting&);
};

/// All of them, in the order in which they run: scenarios.cpp is the one place that names them.
const std::vector<Scenario>& scenarios();

} // namespace Leasehold::Bench
