#include "documentedRights.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace Leasehold
{

namespace
{

/// "`read`, `write`" -> read, write.
std::vector<std::string> quotedIn(const std::string& cell)
{
    std::vector<std::string> words;
    std::istringstream parts(cell);
    for (std::string outside, word; std::getline(parts, outside, '`') && std::getline(parts, word, '`');)
        words.push_back(word);
    return words;
}

} // namespace

Rights documentedRights(const std::string& table, const std::string& who)
{
    std::ifstream file(LEASEHOLD_OPERATING_GUIDE);
    bool inTable = false;
    for (std::string line; std::getline(file, line);)
    {
        inTable = line.starts_with("| who | cluster " + table) || (inTable && line.starts_with("|"));
        if (!inTable || !line.starts_with("| " + who + " |"))
            continue;
        std::istringstream cells(line);
        std::string nothing, name, cluster, index;
        std::getline(cells, nothing, '|');
        std::getline(cells, name, '|');
        std::getline(cells, cluster, '|');
        std::getline(cells, index, '|');
        return {quotedIn(cluster), quotedIn(index)};
    }
    throw std::runtime_error(std::string(LEASEHOLD_OPERATING_GUIDE) + " has no row for " + who + " in the table of cluster " + table);
}

std::string yamlList(const std::vector<std::string>& words)
{
    std::string list;
    for (const auto& word : words)
        list += (list.empty() ? "\"" : ", \"") + word + "\"";
    return "[" + list + "]";
}

} // namespace Leasehold
