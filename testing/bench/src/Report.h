#pragma once

#include "Result.h"
#include "Scenario.h"

#include <string>
#include <utility>
#include <vector>

namespace Leasehold::Bench
{

/// What a run of the program found, for people and for programs.
class Report
{
public:
    using Facts = std::vector<std::pair<std::string, std::string>>;

    Report(std::string command, Facts facts) : _command(std::move(command)), _facts(std::move(facts)) {}

    void addFact(std::string name, std::string value) { _facts.emplace_back(std::move(name), std::move(value)); }

    struct Entry
    {
        const Scenario* scenario = nullptr;
        Result result{};
        double seconds = 0;
        std::string load{}; ///< of the system at its end
        std::string failure{};
    };
    void add(Entry entry) { _entries.push_back(std::move(entry)); }
    bool hasFailed() const;

    std::string markdown() const;
    std::string json() const;

    /// Writes report.md, report.json and the plots into the folder, which is made. Throws std::runtime_error if it cannot.
    void write(const std::string& folder) const;

private:
    std::string _command;
    Facts _facts;
    std::vector<Entry> _entries;
};

/// The lines and the notes of one scenario, as a table.
std::string markdownOf(const Result& result);

} // namespace Leasehold::Bench
