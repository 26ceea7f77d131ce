#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/Durations.h"

#include <mutex>
#include <optional>
#include <string>

namespace Leasehold
{

/// What this process knows of the index behind the alias, so that it notices when that has vanished or is another one than before:
/// the leases in it are lost then, and others may still believe in theirs. Thread-safe.
class IndexMemory
{
public:
    /// There is an index behind the alias.
    void seen();
    /// There is none.
    void missing();
    /// It is this one; empty: unknown.
    void isNow(const std::string& uuid);
    /// A lease of ours has no document in the index with this id: if that is another index than before, all are gone.
    void leaseHasNoDocument(const std::string& uuid);

    /// How much longer others may hold leases that a vanished index knew of, when leases of up to `ttl` are asked for; 0: none do.
    Milliseconds mayRemain(Milliseconds ttl);

private:
    void loseAll();

    std::mutex _mutex; // the rest
    bool _seen = false;
    std::string _uuid;
    Milliseconds _longestTtl{};
    std::optional<LocalTime> _vanishedAt;
};

} // namespace Leasehold
