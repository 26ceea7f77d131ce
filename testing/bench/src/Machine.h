#pragma once

#include <string>
#include <utility>
#include <vector>

namespace Leasehold::Bench
{

/// The properties of the machine and the software, as names and values for a report.
std::vector<std::pair<std::string, std::string>> machineFacts();

/// The present load averages as the system writes them.
std::string loadAverages();

} // namespace Leasehold::Bench
