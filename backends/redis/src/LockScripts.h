#pragma once

#include "Command.h"

#include <string>

namespace Leasehold::Redis
{

/// The scripts by which the server carries out each verb in one atomic step. LockScripts.cpp has them; README.md describes the keys.
enum class Script
{
    steps,      ///< acquires, renewals and releases
    renewEnd,   ///< the same text for groups without an acquire: allowed when the memory is full
    era,        ///< binds the locks to the server process and to one life of its data
    records,    ///< reads locks
    breakLock,  ///< breaks a lock
    candidates, ///< names of records that may be old enough to be forgotten
    forget,     ///< forgets those that are
    rights      ///< tells which commands the user may not use
};

/// The SHA1 of the text, by which EVALSHA names it.
const std::string& digestOf(Script script);

/// Adds the commands that load every script.
void addScripts(Commands& commands);

/// The version of the layout of the keys. A store refuses a greater one.
constexpr int schemaVersion = 1;

/// The names of the keys and channels of one prefix. All are in one slot of a cluster, because the prefix is their hash tag.
struct Keys
{
    explicit Keys(const std::string& prefix);

    std::string lock(const std::string& name) const { return locks + name; }

    std::string era, names, ages;
    std::string locks;    ///< in front of the name of a lock
    std::string channels; ///< in front of the name of a lock: the channel of its releases
};

} // namespace Leasehold::Redis
