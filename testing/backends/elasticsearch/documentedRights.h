#pragma once

#include <string>
#include <vector>

namespace Leasehold
{

/// The rights of a user in operating.md of the store.
struct Rights
{
    std::vector<std::string> cluster{}, index{};
};

/// The row of `who` ("worker", "operator") in the table for OpenSearch ("permissions") or Elasticsearch ("privileges").
Rights documentedRights(const std::string& table, const std::string& who);

/// ["a", "b"]: a list in YAML.
std::string yamlList(const std::vector<std::string>& words);

} // namespace Leasehold
