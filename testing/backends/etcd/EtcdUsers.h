#pragma once

#include "EtcdServer.h"

#include <string>

namespace Leasehold
{

/// Authentication of etcd: the user "worker", who may read and write the keys of one prefix, and "root".
namespace EtcdUsers
{

inline constexpr const char* worker = "worker";
inline constexpr const char* password = "pass\"word\\1"; // of the worker

/// Makes the users and switches authentication on. The worker has the right to keys that begin with `prefix`, and no other.
void switchOn(const EtcdServer& server, const std::string& prefix);

/// A new token.
std::string logInAsWorker(const EtcdServer& server);

/// Every token of the worker is refused from now on.
void endTokens(const EtcdServer& server);

} // namespace EtcdUsers
} // namespace Leasehold
