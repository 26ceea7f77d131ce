#pragma once

#include "Result.h"

#include <string>

namespace Leasehold::Bench
{

/// The plot as an SVG picture.
std::string svgOf(const Plot& plot);

} // namespace Leasehold::Bench
