#include "LockListing.h"

#include "HolderDetails.h"
#include "TimeText.h"

#include "Leasehold/printable.h"

#include <algorithm>
#include <array>
#include <vector>

namespace Leasehold::Tool
{

namespace
{

constexpr std::size_t columns = 5;
using Row = std::array<std::string, columns>;

constexpr const char* bold = "\x1b[1m";
constexpr const char* yellow = "\x1b[33m";
constexpr const char* plain = "\x1b[0m";

/// How many columns of a terminal a text takes: the characters of UTF-8, not its bytes.
std::size_t width(const std::string& text)
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// A third of a lease is left when it is renewed; less means that its holder has trouble, or is gone.
bool endsSoon(const LockRecord& lock)
{
    return lock.remaining < lock.ttl / 2;
}

std::string line(const Row& row, const std::array<std::size_t, columns>& widths)
{
    std::string text;
    for (std::size_t i = 0; i < columns; ++i)
    {
        text += row[i];
        if (i + 1 < columns)
            text.append(widths[i] - width(row[i]) + 2, ' ');
    }
    return text;
}

} // namespace

std::string lockTable(std::span<const LockRecord> locks, bool colour)
{
    std::vector<Row> rows{{"NAME", "HOLDER", "SINCE", "REMAINING", "FENCE"}};
    for (const auto& lock : locks)
        rows.push_back({printable(lock.name), HolderDetails::of(lock).text(), timeText(lock.acquiredAt),
                        secondsText(lock.remaining) + (lock.broken ? ", broken" : ""), std::to_string(lock.fence)});
    std::array<std::size_t, columns> widths{};
    for (const auto& row : rows)
        for (std::size_t i = 0; i < columns; ++i)
            widths[i] = std::max(widths[i], width(row[i]));

    std::string table;
    for (std::size_t i = 0; i < rows.size(); ++i)
    {
        const char* const style = i == 0 ? bold : endsSoon(locks[i - 1]) ? yellow : "";
        table += colour && *style != '\0' ? style + line(rows[i], widths) + plain : line(rows[i], widths);
        table += '\n';
    }
    return table;
}

std::string lockDetails(const LockRecord& lock)
{
    return "name:       " + printable(lock.name) + "\nholder:     " + HolderDetails::of(lock).text() +
           "\nsince:      " + timeText(lock.acquiredAt) + "\nremaining:  " + secondsText(lock.remaining) + " of a lease of " +
           formatDuration(lock.ttl) + (lock.broken ? "; broken: it cannot be renewed" : "") +
           "\nfence:      " + std::to_string(lock.fence) + "\nmetadata:   " + printable(lock.metadata) + "\n";
}

} // namespace Leasehold::Tool
