#pragma once

#include "ServerAddress.h"

#include "Leasehold/PostgreSQLLockStore.h"

#include <map>
#include <string>

namespace Leasehold::PostgreSQL
{

/// How long a call waits in the server for a row that another session has locked.
inline constexpr int lockTimeoutMs = 1000;

/// The parameters of a connection by libpq. Each one that libpq would otherwise read from the environment or from a file of the user has
/// a value, which may be empty; only PGSERVICE cannot be overridden. `numeric`: the address of a host name, so that libpq looks up no
/// name; empty for a unix socket.
std::map<std::string, std::string> connectionParameters(const PostgreSQLOptions& options, const ServerAddress& server,
                                                        const std::string& numeric);

} // namespace Leasehold::PostgreSQL
