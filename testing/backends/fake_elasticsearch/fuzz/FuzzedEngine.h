#pragma once

#include "FakeEngine.h"
#include "JsonTree.h"

#include <cstdint>
#include <string>

namespace Leasehold::Fuzz
{

/// A fake node with the index "locks-1" behind the alias "locks", and a held lock "a" in it.
class FuzzedEngine
{
public:
    FuzzedEngine();

    Fake::Answer ask(const std::string& method, const std::string& target, const std::string& body = {},
                     const std::string& contentType = "application/json");

    /// Sends the request and checks the invariants of every answer. Returns its body; null: it has none, or the fake does not know the
    /// request.
    Fake::Object askAnything(const Fake::Request& request);

    /// The fence of the lock "a"; 0: the lock is missing.
    std::int64_t fence();

private:
    Fake::FakeEngine _engine;
};

} // namespace Leasehold::Fuzz
