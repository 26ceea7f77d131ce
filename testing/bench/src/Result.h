#pragma once

#include "Spread.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold::Bench
{

/// A target of a figure.
struct Target
{
    enum class Bound
    {
        atLeast,
        atMost
    };
    enum class Of
    {
        ratio, ///< ours divided by the limit
        ours
    };
    Bound bound = Bound::atLeast;
    double value = 0;
    Of of = Of::ratio;
};

/// One line of the table: a figure of Leasehold, and the raw limit measured in the same minute.
struct Line
{
    std::string what{};
    std::string unit{}; ///< of ours and of the limit
    Spread ours{};
    std::string limitName{};
    std::optional<Spread> limit{};
    std::optional<Spread> ratio{}; ///< ours divided by the limit, of adjacent measurements
    std::optional<Target> target{};
};

/// nullopt: there is no target.
std::optional<bool> isReached(const Line& line);

struct Curve
{
    std::string name{};
    std::vector<std::pair<double, double>> points{};
};

struct Plot
{
    std::string file{}; ///< its name without ".svg"
    std::string title{}, xLabel{}, yLabel{};
    bool logX = false, logY = false;
    std::vector<Curve> curves{};
};

/// The results of one scenario.
struct Result
{
    std::vector<Line> lines{};
    std::vector<Plot> plots{};
    std::vector<std::string> notes{}; ///< remarks that the figures need
};

} // namespace Leasehold::Bench
