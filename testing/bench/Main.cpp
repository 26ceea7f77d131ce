#include "Machine.h"
#include "Report.h"
#include "scenarios.h"

#include "Leasehold/Exceptions.h"

#include <Poco/ConsoleChannel.h>
#include <Poco/Exception.h>
#include <Poco/Logger.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace
{

using namespace Leasehold;
using namespace Leasehold::Bench;

constexpr const char* usage = R"(leasehold-bench [OPTION...]: what Leasehold costs, against the raw limits of the storages

  --list             the scenarios
  --store KIND       only on this storage; may be given several times. Without it: on each that needs no server, and on the first
                     kind of each server
  --only TEXT        those whose name contains TEXT; may be given several times
  --repetitions N    how often each figure is measured by turns; default 7
  --long             also what takes from minutes to more than an hour
  --smoke            each as small as it can be, on each storage that needs no server, to see that it runs: its figures mean nothing
  --json FILE        the report for programs ("-": standard output)
  --report DIR       report.md, report.json and the plots
)";

struct UsageError : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

struct Arguments
{
    BenchOptions options{};
    std::vector<std::string> only{}, stores{};
    bool list = false, help = false;
    std::string json{}, report{};
    std::string command{};
};

Arguments parse(int argc, char** argv)
{
    Arguments arguments;
    for (int at = 0; at < argc; ++at)
        arguments.command += (at == 0 ? "" : " ") + std::string(argv[at]);
    for (int at = 1; at < argc; ++at)
    {
        const std::string option = argv[at];
        const auto value = [&]() -> std::string
        {
            if (at + 1 >= argc)
                throw UsageError("option " + option + " needs a value");
            return argv[++at];
        };
        if (option == "--list")
            arguments.list = true;
        else if (option == "--only")
            arguments.only.push_back(value());
        else if (option == "--store")
            arguments.stores.push_back(value());
        else if (option == "--repetitions")
        {
            const auto text = value();
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), arguments.options.repetitions);
            if (error != std::errc{} || end != text.data() + text.size() || arguments.options.repetitions == 0)
                throw UsageError("--repetitions " + text + " is not a whole number from 1");
        }
        else if (option == "--long")
            arguments.options.scale = Scale::extended;
        else if (option == "--smoke")
            arguments.options.scale = Scale::smoke;
        else if (option == "--json")
            arguments.json = value();
        else if (option == "--report")
            arguments.report = value();
        else if (option == "-h" || option == "--help")
            arguments.help = true;
        else
            throw UsageError("unknown option \"" + option + "\"");
    }
    return arguments;
}

bool isWanted(const Scenario& scenario, const Arguments& arguments)
{
    const auto& only = arguments.only;
    if (scenario.isLong && arguments.options.scale == Scale::usual)
        return false;
    return only.empty() ||
           std::any_of(only.begin(), only.end(), [&](const std::string& text) { return scenario.name.find(text) != std::string::npos; });
}

/// Scenarios that run one after the other. Their storage is started by the first one that needs it, and ends after the last one.
struct Round
{
    std::unique_ptr<StorageBench> bench{}; ///< nullptr: they use no storage
    std::vector<Scenario> scenarios{};
};

bool isMeasured(const BenchKind& kind, const Arguments& arguments)
{
    if (!arguments.stores.empty())
        return std::find(arguments.stores.begin(), arguments.stores.end(), kind.name) != arguments.stores.end();
    return arguments.options.scale == Scale::smoke ? !kind.hasServer : kind.isUsual;
}

void requireKnown(const std::vector<std::string>& stores)
{
    std::string known;
    for (const auto& kind : benchKinds())
        known += (known.empty() ? "" : ", ") + kind.name;
    for (const auto& store : stores)
        if (std::none_of(benchKinds().begin(), benchKinds().end(), [&](const BenchKind& kind) { return kind.name == store; }))
            throw UsageError("unknown storage \"" + store + "\"; allowed are: " + known);
}

std::vector<Round> wantedRounds(const Arguments& arguments)
{
    requireKnown(arguments.stores);
    std::vector<Round> rounds;
    const auto add = [&](std::unique_ptr<StorageBench> bench, const std::vector<Scenario>& all)
    {
        Round round{.bench = std::move(bench)};
        for (const auto& scenario : all)
            if (isWanted(scenario, arguments))
                round.scenarios.push_back(scenario);
        if (!round.scenarios.empty())
            rounds.push_back(std::move(round));
    };
    if (arguments.stores.empty())
        add(nullptr, scenariosWithoutStorage());
    for (const auto& kind : benchKinds())
    {
        if (!isMeasured(kind, arguments))
            continue;
        auto bench = kind.make();
        const auto all = scenariosOn(kind, *bench);
        add(std::move(bench), all);
    }
    return rounds;
}

Report::Entry run(const Scenario& scenario, Setting& setting)
{
    std::clog << scenario.name << ": " << scenario.title << std::endl;
    Report::Entry entry;
    entry.scenario = scenario;
    const auto began = std::chrono::steady_clock::now();
    try
    {
        entry.result = scenario.run(setting);
        if (setting.isSmoke())
            for (auto& line : entry.result.lines)
                line.target.reset(); // a smoke run is too small for targets
    }
    catch (const Poco::Exception& failure)
    {
        entry.failure = failure.displayText();
    }
    catch (const std::exception& failure)
    {
        entry.failure = failure.what();
    }
    entry.seconds = Seconds(std::chrono::steady_clock::now() - began).count();
    entry.load = loadAverages();
    return entry;
}

int runAll(const Arguments& arguments)
{
    auto rounds = wantedRounds(arguments);
    if (rounds.empty())
        throw UsageError("no scenario has a name with \"" + arguments.only.front() +
                         "\" in it; --list names them, and with --long all of them");

    Report report(arguments.command, machineFacts());
    Setting setting(arguments.options);
    // When standard output has the report for a program, messages for people go to standard error.
    auto& people = arguments.json == "-" ? std::clog : std::cout;
    for (auto& round : rounds)
    {
        for (const auto& scenario : round.scenarios)
        {
            auto entry = run(scenario, setting);
            people << "\n" << scenario.title << " (" << scenario.name << ")\n\n" << markdownOf(entry.result);
            if (!entry.failure.empty())
                people << "It failed: " << entry.failure << "\n";
            people << std::endl;
            report.add(std::move(entry));
            // Write the report after each scenario, so that a later failure loses no result.
            if (!arguments.report.empty())
                report.write(arguments.report);
        }
        if (round.bench && round.bench->isStarted())
            report.addFact("storage", round.bench->storage().name());
        round.bench.reset(); // a server that still runs would disturb the next storage
    }

    if (arguments.json == "-")
        std::cout << report.json();
    else if (!arguments.json.empty() && !(std::ofstream(arguments.json) << report.json()).flush())
        throw std::runtime_error("cannot write " + arguments.json);
    return report.hasFailed() ? 1 : 0;
}

} // namespace

int main(int argc, char** argv)
{
    try
    {
        Poco::Logger::root().setLevel("error");
        const auto arguments = parse(argc, argv);
        if (arguments.help)
            std::cout << usage;
        else if (arguments.list)
            for (const auto& round : wantedRounds(arguments))
                for (const auto& scenario : round.scenarios)
                    std::cout << scenario.name << "\t" << scenario.title << "\n";
        else
            return runAll(arguments);
        return 0;
    }
    catch (const UsageError& error)
    {
        std::cerr << "leasehold-bench: " << error.what() << "\n\n" << usage;
        return 64;
    }
    catch (const std::exception& error)
    {
        std::cerr << "leasehold-bench: " << error.what() << "\n";
        return 1;
    }
}
