#pragma once

#include "LockServer.h"

namespace Leasehold::Redis
{

/// Checks that the server's settings and the user's rights allow locks, and begins the era if there is none. Throws as LockServer::ask
/// does.
void prepare(LockServer& server, const CallContext& context);

} // namespace Leasehold::Redis
