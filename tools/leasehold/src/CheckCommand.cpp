#include "Command.h"
#include "ExitStatus.h"
#include "QuietObserver.h"
#include "StoreChoice.h"
#include "UsageError.h"
#include "holderMetadata.h"

#include "Leasehold/printable.h"

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
constexpr std::size_t roundTrips = 20;
constexpr const char* trialLock = "leasehold check";

using Nanoseconds = std::chrono::nanoseconds;

std::string milliseconds(Nanoseconds duration, int decimals)
{
    char text[64];
    std::snprintf(text, sizeof text, "%.*f ms", decimals, static_cast<double>(duration.count()) / 1e6);
    return text;
}

/// How far the storage's clock is ahead of ours. The storage read it at some moment between request and answer.
struct ClockComparison
{
    Nanoseconds ahead{};
    Nanoseconds uncertainty = Nanoseconds::max();

    static ClockComparison of(const LockRecord& record, std::chrono::system_clock::time_point asked, Nanoseconds roundTrip)
    {
        constexpr Nanoseconds halfMillisecond = std::chrono::microseconds{500}; // a record's times are whole milliseconds
        const auto itsTime = record.expiresAt - record.remaining + halfMillisecond;
        return {itsTime - (asked + roundTrip / 2), roundTrip / 2 + halfMillisecond};
    }

    std::string text(const StoreInfo& store) const
    {
        if (!store.tellsTime)
            return "unknown: the storage tells no time";
        if (uncertainty == Nanoseconds::max())
            return "unknown: the store shows no record";
        if (ahead <= uncertainty && ahead >= -uncertainty)
            return "the storage's and ours agree within " + milliseconds(uncertainty, 1);
        return "the storage's is " + milliseconds(ahead < Nanoseconds{0} ? -ahead : ahead, 1) +
               (ahead < Nanoseconds{0} ? " behind" : " ahead of") + " ours, within " + milliseconds(uncertainty, 1);
    }
};

/// The result of many look-ups of one lock.
struct Measured
{
    Nanoseconds roundTrip{}; ///< the median
    ClockComparison clock{}; ///< by the quickest answer
};

Measured measure(LockManagerService& service)
{
    std::vector<Nanoseconds> times;
    Measured measured;
    while (times.size() < roundTrips)
    {
        const auto asked = std::chrono::system_clock::now();
        const auto began = LocalClock::now();
        const auto record = service.find(trialLock);
        times.push_back(LocalClock::now() - began);
        if (record)
            if (const auto compared = ClockComparison::of(*record, asked, times.back()); compared.uncertainty < measured.clock.uncertainty)
                measured.clock = compared;
    }
    std::nth_element(times.begin(), times.begin() + roundTrips / 2, times.end());
    measured.roundTrip = times[roundTrips / 2];
    return measured;
}

int check(const CommandLine& line, const std::vector<std::string>& words)
{
    if (!line.operands().empty() || line.hasSeparator())
        throw UsageError("check takes no operand");
    auto chosen = chooseStore(line, line.has("--quiet"), words);
    const auto policy = chosen.policy;
    LockManagerService service(std::move(chosen.store), std::move(chosen.policy), {.observers = {std::make_shared<QuietObserver>()}});

    const auto found = service.check();
    // What can be read cannot always be written. If another check has the lock, it has just shown the same.
    auto attempt =
        service.tryAcquire(trialLock, {.metadata = holderMetadata({"leasehold check"}, false, std::nullopt), .wait = Milliseconds{0}});
    const auto measured = measure(service);
    if (attempt)
        attempt->release();

    std::cout << "store:       " << found.store.type << ", " << printable(found.store.location)
              << "\nengine:      " << (found.engine.empty() ? "unknown: it does not tell this user" : printable(found.engine))
              << "\nround trip:  " << milliseconds(measured.roundTrip, 3) << " (median of " << roundTrips
              << ")\nclock:       " << measured.clock.text(found.store) << "\ndurable:     " << (found.store.durable ? "yes" : "no")
              << "\nshared:      " << (found.store.sharedAcrossHosts ? "across hosts" : "by the processes of this host only")
              << "\npolicy:      ttl " << formatDuration(policy.lease.ttl) << ", renewed after "
              << formatDuration(policy.lease.effectiveRenewAfter()) << ", safety margin "
              << formatDuration(policy.lease.effectiveSafetyMargin()) << ": fits the store"
              << (found.store.warning.empty() ? "" : "\nwarning:     ") << printable(found.store.warning) << "\nok\n";
    return exitSuccess;
}

} // namespace

const Command checkCommand = {
    "check",
    "",
    "say whether the store can be used",
    "Connects to the store, checks its set-up, acquires and releases a lock named \"leasehold check\", asks for the server\n"
    "version, measures the round trip and how far the storage's clock differs from ours, and checks that the policy fits.\n"
    "The exit status is 0; 69 if the store does not answer; 78 if the store, the configuration or the policy is wrong.\n",
    "  leasehold check --config /etc/leasehold.properties\n",
    options,
    &check};

} // namespace Leasehold::Tool
