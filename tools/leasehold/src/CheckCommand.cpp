#include "Command.h"
#include "ExitStatus.h"
#include "QuietObserver.h"
#include "StoreChoice.h"
#include "UsageError.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <vector>

namespace Leasehold::Tool
{

namespace
{

constexpr std::array<OptionSpec, 0> options{};
constexpr int roundTrips = 20;

std::string milliseconds(std::chrono::nanoseconds duration)
{
    char text[64];
    std::snprintf(text, sizeof text, "%.3f ms", static_cast<double>(duration.count()) / 1e6);
    return text;
}

int check(const CommandLine& line, const std::vector<std::string>& words)
{
    if (!line.operands().empty() || line.hasSeparator())
        throw UsageError("check takes no operand");
    auto chosen = chooseStore(line, line.has("--quiet"), words);
    const auto policy = chosen.policy;
    LockManagerService service(std::move(chosen.store), std::move(chosen.policy), {.observers = {std::make_shared<QuietObserver>()}});

    StoreCheck found = service.check();
    std::vector<std::chrono::nanoseconds> times{found.roundTrip};
    while (times.size() < roundTrips)
    {
        found = service.check();
        times.push_back(found.roundTrip);
    }
    std::nth_element(times.begin(), times.begin() + roundTrips / 2, times.end());

    std::cout << "store:       " << found.store.type << ", " << found.store.location
              << "\nround trip:  " << milliseconds(times[roundTrips / 2]) << " (median of " << roundTrips
              << ")\ndurable:     " << (found.store.durable ? "yes" : "no")
              << "\nshared:      " << (found.store.sharedAcrossHosts ? "across hosts" : "by the processes of this host only")
              << "\npolicy:      ttl " << formatDuration(policy.lease.ttl) << ", renewed after "
              << formatDuration(policy.lease.effectiveRenewAfter()) << ", safety margin "
              << formatDuration(policy.lease.effectiveSafetyMargin()) << ": fits the store\nok\n";
    return exitSuccess;
}

} // namespace

const Command checkCommand = {
    "check",
    "",
    "say whether the store can be used",
    "Reaches the store, makes sure that it is set up right, measures it, and compares the policy with what it can do.\n"
    "The exit status is 0; 69 if it does not answer; 78 if it, the configuration or the policy is wrong.\n",
    "  leasehold check --config /etc/leasehold.properties\n",
    options,
    &check};

} // namespace Leasehold::Tool
