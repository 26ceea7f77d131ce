#pragma once

#include <string>

namespace Leasehold
{

/// The engine and its version, from its answer to GET /: "OpenSearch 3.6.0", "Elasticsearch 7.10.2". Empty: it does not say, or not in
/// plain letters.
std::string engineVersion(const std::string& body);

} // namespace Leasehold
