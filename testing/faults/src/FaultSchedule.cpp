#include "Leasehold/FaultSchedule.h"

#include <Poco/Exception.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <random>

namespace Leasehold
{
namespace
{

constexpr Milliseconds pauseTime{3000};

std::optional<std::uint64_t> numberFrom(const char* variable)
{
    const char* const text = std::getenv(variable);
    if (text == nullptr || *text == '\0')
        return std::nullopt;
    char* end = nullptr;
    const auto number = std::strtoull(text, &end, 10);
    if (*end != '\0')
        throw Poco::InvalidArgumentException(std::string(variable) + " = " + text + " is not a whole number");
    return number;
}

/// Gives the same numbers on every machine. The distributions of standard libraries differ.
class Dice
{
public:
    explicit Dice(std::uint64_t seed) : _random(seed) {}

    std::uint64_t below(std::uint64_t limit) { return _random() % limit; }
    Milliseconds between(Milliseconds minimum, Milliseconds maximum)
    {
        return minimum + Milliseconds(below(static_cast<std::uint64_t>((maximum - minimum).count()) + 1));
    }

private:
    std::mt19937_64 _random;
};

void addNetwork(std::vector<FaultStep>& steps, Dice dice, Milliseconds duration)
{
    constexpr std::array faults{ProxyFault::delay, ProxyFault::cut, ProxyFault::blackhole, ProxyFault::drip, ProxyFault::dropReply};
    for (auto at = dice.between(Milliseconds{1000}, Milliseconds{3000}); at < duration;)
    {
        FaultStep step;
        step.at = at;
        step.what = FaultStep::What::network;
        step.fault = faults[dice.below(faults.size())];
        step.delay = dice.between(Milliseconds{50}, Milliseconds{900});
        steps.push_back(step);
        // Half of the faults are shorter than a lease, so that renewals succeed after them. The others may end a lease.
        at +=
            dice.below(2) == 0 ? dice.between(Milliseconds{200}, Milliseconds{1000}) : dice.between(Milliseconds{1000}, Milliseconds{4000});
        step.at = std::min(at, duration);
        step.fault = ProxyFault::none;
        steps.push_back(step);
        at += dice.between(Milliseconds{1000}, Milliseconds{4000});
    }
}

void addProcesses(std::vector<FaultStep>& steps, Dice dice, Milliseconds duration, std::size_t processes)
{
    std::vector<Milliseconds> busyUntil(processes, Milliseconds{0});
    for (auto at = dice.between(Milliseconds{1500}, Milliseconds{3000}); at < duration;
         at += dice.between(Milliseconds{500}, Milliseconds{2500}))
    {
        FaultStep step;
        step.at = at;
        step.process = dice.below(processes);
        step.what = dice.below(3) == 0 ? FaultStep::What::kill : FaultStep::What::pause;
        if (busyUntil[step.process] > at)
            continue;
        steps.push_back(step);
        busyUntil[step.process] = at + Milliseconds{500};
        if (step.what == FaultStep::What::pause)
        {
            step.what = FaultStep::What::resume;
            step.at = at + pauseTime;
            steps.push_back(step);
            busyUntil[step.process] = step.at + Milliseconds{500};
        }
    }
}

} // namespace

std::string FaultStep::describe() const
{
    const auto time = formatDuration(at) + ": ";
    switch (what)
    {
    case What::network:
        return time + "network " + toString(fault) + (fault == ProxyFault::delay ? " of " + formatDuration(delay) : std::string());
    case What::kill:
        return time + "kill process " + std::to_string(process);
    case What::pause:
        return time + "stop process " + std::to_string(process);
    case What::resume:
        break;
    }
    return time + "continue process " + std::to_string(process);
}

std::vector<FaultStep> faultSchedule(std::uint64_t seed, Milliseconds duration, std::size_t processes, bool network)
{
    std::vector<FaultStep> steps;
    if (network)
        addNetwork(steps, Dice(seed), duration);
    addProcesses(steps, Dice(seed + 1), duration, processes);
    std::stable_sort(steps.begin(), steps.end(), [](const auto& left, const auto& right) { return left.at < right.at; });
    return steps;
}

std::uint64_t testSeed()
{
    const auto seed = numberFrom("LEASEHOLD_TEST_SEED");
    return seed ? *seed : std::random_device{}();
}

Milliseconds faultDuration(Milliseconds usual, Milliseconds longer)
{
    const auto seconds = numberFrom("LEASEHOLD_TEST_FAULT_SECONDS");
    if (seconds)
        return std::chrono::seconds(*seconds);
    return isLongTest() ? longer : usual;
}

bool isLongTest()
{
    return numberFrom("LEASEHOLD_TEST_LONG").value_or(0) == 1;
}

} // namespace Leasehold
