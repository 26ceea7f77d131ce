#pragma once

#include "LockServer.h"

#include <string>

namespace Leasehold::Redis
{

/// Checks that the server's settings and the user's rights allow locks, and begins the era if there is none. Throws as LockServer::ask
/// does.
void prepare(LockServer& server, const CallContext& context);

/// Throws LockStoreError if the reply to INFO memory tells of an eviction that takes held locks. `place` names the store.
void requireNoEviction(const Reply& memory, const std::string& place);
/// Throws LockStoreError that names the commands in the reply of the script `rights`.
void requireRights(const Reply& missing, const std::string& place);
/// Throws LockStoreError if the reply to CONFIG GET appendonly appendfsync tells that the server does not keep every change.
void requireDurable(const Reply& settings, const std::string& place);

} // namespace Leasehold::Redis
