#include "Report.h"

#include "SvgPlot.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <stdexcept>

namespace Leasehold::Bench
{
namespace
{

/// Three significant digits.
std::string number(double value)
{
    std::ostringstream text;
    const double size = std::abs(value);
    text << std::fixed << std::setprecision(size >= 100 || value == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3) << value;
    return text.str();
}

std::string withRange(const Spread& spread)
{
    return number(spread.median) + (spread.count > 1 ? " (" + number(spread.minimum) + " to " + number(spread.maximum) + ")" : "");
}

std::string targetText(const Line& line)
{
    if (!line.target)
        return "";
    return std::string(line.target->bound == Target::Bound::atLeast ? "at least " : "at most ") + number(line.target->value) +
           (line.target->of == Target::Of::ratio ? " x" : "");
}

std::string verdict(const Line& line)
{
    const auto reached = isReached(line);
    return !reached ? "" : *reached ? "reached" : "**missed**";
}

Poco::JSON::Object::Ptr jsonOf(const Spread& spread)
{
    Poco::JSON::Object::Ptr object(new Poco::JSON::Object);
    object->set("median", spread.median);
    object->set("minimum", spread.minimum);
    object->set("maximum", spread.maximum);
    object->set("count", static_cast<Poco::UInt64>(spread.count));
    return object;
}

Poco::JSON::Object::Ptr jsonOf(const Line& line)
{
    Poco::JSON::Object::Ptr object(new Poco::JSON::Object(Poco::JSON_PRESERVE_KEY_ORDER));
    object->set("what", line.what);
    object->set("unit", line.unit);
    object->set("ours", jsonOf(line.ours));
    if (line.limit)
    {
        object->set("limitName", line.limitName);
        object->set("limit", jsonOf(*line.limit));
    }
    if (line.ratio)
        object->set("ratio", jsonOf(*line.ratio));
    if (line.target)
    {
        object->set("target", line.target->value);
        object->set("targetBound", line.target->bound == Target::Bound::atLeast ? "atLeast" : "atMost");
        object->set("targetOf", line.target->of == Target::Of::ratio ? "ratio" : "ours");
    }
    if (const auto reached = isReached(line))
        object->set("reached", *reached);
    return object;
}

Poco::JSON::Object::Ptr jsonOf(const Report::Entry& entry)
{
    Poco::JSON::Object::Ptr object(new Poco::JSON::Object(Poco::JSON_PRESERVE_KEY_ORDER));
    object->set("name", entry.scenario.name);
    object->set("title", entry.scenario.title);
    object->set("seconds", entry.seconds);
    object->set("load", entry.load);
    if (!entry.failure.empty())
        object->set("failure", entry.failure);
    Poco::JSON::Array::Ptr lines(new Poco::JSON::Array), notes(new Poco::JSON::Array), plots(new Poco::JSON::Array);
    for (const auto& line : entry.result.lines)
        lines->add(jsonOf(line));
    for (const auto& note : entry.result.notes)
        notes->add(note);
    for (const auto& plot : entry.result.plots)
        plots->add(plot.file + ".svg");
    object->set("lines", lines);
    object->set("notes", notes);
    object->set("plots", plots);
    return object;
}

void writeFile(const std::filesystem::path& path, const std::string& content)
{
    std::ofstream file(path, std::ios::binary);
    file << content;
    if (!file.flush())
        throw std::runtime_error("cannot write " + path.string());
}

} // namespace

std::string markdownOf(const Result& result)
{
    std::ostringstream text;
    if (!result.lines.empty())
        text << "| what | unit | ours | limit | ours / limit | to reach | |\n| --- | --- | --- | --- | --- | --- | --- |\n";
    for (const auto& line : result.lines)
        text << "| " << line.what << " | " << line.unit << " | " << withRange(line.ours) << " | "
             << (line.limit ? withRange(*line.limit) + (line.limitName.empty() ? "" : ": " + line.limitName) : "") << " | "
             << (line.ratio ? withRange(*line.ratio) : "") << " | " << targetText(line) << " | " << verdict(line) << " |\n";
    if (!result.notes.empty())
        text << "\n";
    for (const auto& note : result.notes)
        text << "* " << note << "\n";
    return text.str();
}

bool Report::hasFailed() const
{
    return std::any_of(_entries.begin(), _entries.end(), [](const Entry& entry) { return !entry.failure.empty(); });
}

std::string Report::markdown() const
{
    std::ostringstream text;
    text << "# What Leasehold costs\n\nEach figure is a median, with the minimum and the maximum in brackets. Leasehold and the limit were "
            "measured\nin turn, and each ratio is of two adjacent measurements.\n\n    "
         << _command << "\n\n| | |\n| --- | --- |\n";
    for (const auto& [name, value] : _facts)
        text << "| " << name << " | " << value << " |\n";
    for (const auto& entry : _entries)
    {
        text << "\n## " << entry.scenario.title << "\n\n`--only " << entry.scenario.name << "`, " << number(entry.seconds)
             << " s, load at its end " << entry.load << "\n\n";
        if (!entry.failure.empty())
            text << "**It failed:** " << entry.failure << "\n\n";
        text << markdownOf(entry.result);
        for (const auto& plot : entry.result.plots)
            text << "\n![" << plot.title << "](" << plot.file << ".svg)\n";
    }
    return text.str();
}

std::string Report::json() const
{
    Poco::JSON::Object report(Poco::JSON_PRESERVE_KEY_ORDER);
    report.set("command", _command);
    Poco::JSON::Object::Ptr facts(new Poco::JSON::Object(Poco::JSON_PRESERVE_KEY_ORDER));
    for (const auto& [name, value] : _facts)
        facts->set(name, value);
    report.set("machine", facts);
    Poco::JSON::Array::Ptr scenarios(new Poco::JSON::Array);
    for (const auto& entry : _entries)
        scenarios->add(jsonOf(entry));
    report.set("scenarios", scenarios);
    std::ostringstream text;
    report.stringify(text, 2);
    text << "\n";
    return text.str();
}

void Report::write(const std::string& folder) const
{
    const std::filesystem::path place(folder);
    std::filesystem::create_directories(place);
    writeFile(place / "report.md", markdown());
    writeFile(place / "report.json", json());
    for (const auto& entry : _entries)
        for (const auto& plot : entry.result.plots)
            writeFile(place / (plot.file + ".svg"), svgOf(plot));
}

} // namespace Leasehold::Bench
