#pragma once

#include <string>

namespace Leasehold::Etcd
{

/// Older than 3.4: it has no gateway under /v3. An unknown version counts as new enough.
bool isTooOld(const std::string& version);

/// 3.5.0 to 3.5.2 may corrupt the data of a node that crashes under load (etcd's issue 13766).
bool canCorrupt(const std::string& version);

} // namespace Leasehold::Etcd
