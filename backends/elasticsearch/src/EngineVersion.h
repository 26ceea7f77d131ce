#pragma once

#include <string>

namespace Leasehold::Elasticsearch
{

/// The engine and its version, from its answer to GET /: "OpenSearch 3.6.0", "Elasticsearch 7.10.2". Empty: the answer has no version, or
/// one with unusual characters.
std::string engineVersion(const std::string& body);

/// Whether it is older than Elasticsearch 7.10 or OpenSearch 1.3, which are the minimum for the store's requests. False for an unknown
/// engine.
bool isTooOld(const std::string& version);

} // namespace Leasehold::Elasticsearch
