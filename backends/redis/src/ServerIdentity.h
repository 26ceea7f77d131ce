#pragma once

#include "Reply.h"

#include <string>

namespace Leasehold::Redis
{

/// What a server says of itself in its answer to HELLO.
struct ServerIdentity
{
    std::string name{}, version{}, mode{}, role{};

    /// Throws LockStoreError, with the server's address in front, if it is not a server that this store can use.
    static ServerIdentity of(const Reply& hello, const std::string& address);

    /// "Redis 7.0.15".
    std::string text() const;
    bool isPrimary() const { return role == "master"; }
    bool isCluster() const { return mode == "cluster"; }
    bool isSentinel() const { return mode == "sentinel"; }
};

/// The number at the start of a version; 0: there is none.
int numberAtStart(const std::string& version);

} // namespace Leasehold::Redis
