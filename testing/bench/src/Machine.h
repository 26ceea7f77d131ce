#pragma once

#include <string>
#include <utility>
#include <vector>

namespace Leasehold::Bench
{

/// What the figures were measured on and with: name and value of each, for a report.
std::vector<std::pair<std::string, std::string>> machineFacts();

/// The load averages of the system now, as it writes them.
std::string loadAverages();

} // namespace Leasehold::Bench
