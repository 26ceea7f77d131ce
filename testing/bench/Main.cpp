#include "Machine.h"
#include "Report.h"
#include "Scenario.h"

#include "Leasehold/Exceptions.h"

#include <Poco/ConsoleChannel.h>
#include <Poco/Exception.h>
#include <Poco/Logger.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <optional>
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
  --only TEXT        those whose name contains TEXT; may be given several times
  --repetitions N    how often each figure is measured by turns; default 7
  --engine NAME      opensearch (default) or elasticsearch
  --long             also what takes from minutes to more than an hour
  --smoke            each as small as it can be, on a fake engine, to see that it runs: its figures mean nothing
  --json FILE        the report for programs ("-": standard output)
  --report DIR       report.md, report.json and the plots
)";

struct UsageError : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

struct Arguments
{
    Wishes wishes{};
    std::vector<std::string> only{};
    bool list = false, help = false;
    std::string json{}, report{};
    std::string command{};
};

EngineKind engineNamed(const std::string& name)
{
    if (name == "opensearch")
        return EngineKind::openSearch3;
    if (name == "elasticsearch")
        return EngineKind::elasticsearch7; // Elasticsearch 8 from its packages has no painless
    throw UsageError("unknown engine \"" + name + "\"; allowed are opensearch and elasticsearch");
}

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
        else if (option == "--repetitions")
        {
            const auto text = value();
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), arguments.wishes.repetitions);
            if (error != std::errc{} || end != text.data() + text.size() || arguments.wishes.repetitions == 0)
                throw UsageError("--repetitions " + text + " is not a whole number from 1");
        }
        else if (option == "--engine")
            arguments.wishes.engine = engineNamed(value());
        else if (option == "--long")
            arguments.wishes.scale = Scale::extended;
        else if (option == "--smoke")
            arguments.wishes.scale = Scale::smoke;
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

bool isWanted(const Scenario& scenario, const std::vector<std::string>& only)
{
    const std::string name = scenario.name;
    return only.empty() ||
           std::any_of(only.begin(), only.end(), [&](const std::string& text) { return name.find(text) != std::string::npos; });
}

Report::Entry run(const Scenario& scenario, Setting& setting)
{
    std::clog << scenario.name << ": " << scenario.title << std::endl;
    Report::Entry entry;
    entry.scenario = &scenario;
    const auto began = std::chrono::steady_clock::now();
    try
    {
        entry.result = scenario.run(setting);
        if (setting.isSmoke())
            for (auto& line : entry.result.lines)
                line.target.reset(); // so small a run reaches or misses nothing
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
    std::vector<const Scenario*> wanted;
    for (const auto& scenario : scenarios())
        if (isWanted(scenario, arguments.only))
            wanted.push_back(&scenario);
    if (wanted.empty())
        throw UsageError("no scenario has a name with \"" + arguments.only.front() + "\" in it; --list names them");

    Report report(arguments.command, machineFacts());
    Setting setting(arguments.wishes);
    bool engineIsNamed = false;
    // With the report on standard output for a program, people read the other stream.
    auto& people = arguments.json == "-" ? std::clog : std::cout;
    for (const auto* const scenario : wanted)
    {
        auto entry = run(*scenario, setting);
        people << "\n" << scenario->title << " (" << scenario->name << ")\n\n" << markdownOf(entry.result);
        if (!entry.failure.empty())
            people << "It failed: " << entry.failure << "\n";
        people << std::endl;
        report.add(std::move(entry));
        if (const auto* const engine = setting.startedEngine(); engine && !std::exchange(engineIsNamed, true))
            report.addFact("engine", engine->name());
        // After each: what has been measured so far must not be lost to what comes.
        if (!arguments.report.empty())
            report.write(arguments.report);
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
            for (const auto& scenario : scenarios())
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
