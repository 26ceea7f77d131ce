#pragma once

#include "StorageBench.h"

#include "PostgresServer.h"

namespace Leasehold::Bench
{

/// Locks that change hands all the time: what the dead versions of their rows cost. The server belongs to `bench`.
Result measureChurn(Setting& setting, StorageBench& bench, PostgresServer& server);

/// The schema in a URL of the bench.
std::string schemaOf(const std::string& url);

} // namespace Leasehold::Bench
