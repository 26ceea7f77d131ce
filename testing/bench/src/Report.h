#pragma once

#include "Result.h"
#include "Scenario.h"

#include <string>
#include <utility>
#include <vector>

namespace Leasehold::Bench
{

/// The results of one run, for people and for programs.
class Report
{
public:
    using Facts = std::vector<std::pair<std::string, std::string>>;

    Report(std::string command, Facts facts) : _command(std::move(command)), _facts(std::move(facts)) {}

    void addFact(std::string name, std::string value) { _facts.emplace_back(std::move(name), std::move(value)); }

    struct Entry
    {
        Scenario scenario{};
        Result result{};
        double seconds = 0;
        std::string load{}; ///< the system's load averages at the end of the scenario
        std::string failure{};
    };
    void add(Entry entry) { _entries.push_back(std::move(entry)); }
    bool hasFailed() const;

    std::string markdown() const;
    std::string json() const;

    /// Creates the folder and writes report.md, report.json and the plots into it. Throws std::runtime_error if it cannot.
    void write(const std::string& folder) const;

private:
    std::string _command;
    Facts _facts;
    std::vector<Entry> _entries;
};

/// The lines and the notes of one scenario, as a table.
std::string markdownOf(const Result& result);

} // namespace Leasehold::Bench
