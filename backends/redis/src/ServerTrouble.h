#pragma once

#include "ServerAddress.h"

#include <optional>
#include <string>
#include <string_view>

namespace Leasehold::Redis
{

/// What an error reply means for the request. In every case but scriptFailed, missingRight and a reply to WAIT nothing of it was carried
/// out.
enum class Meaning
{
    scriptMissing, ///< the server does not have the script (any more)
    moved,         ///< another node of the cluster has the slot
    memoryFull,    ///< scripts that may take memory are refused, others not
    notPrimary,    ///< it is a replica
    unavailable,   ///< another attempt may succeed
    scriptFailed,  ///< the script ended in the middle: a record or helper key is damaged
    missingRight,  ///< the user lacks a right; a script may have ended in the middle
    refused        ///< another attempt will not help
};

/// One error reply, in our own words: servers put arguments into theirs, and an owner token may be among them.
struct ServerTrouble
{
    Meaning meaning = Meaning::refused;
    std::string why{};                      ///< for people
    std::optional<ServerAddress> address{}; ///< of the node that has the slot, for `moved`; an empty host means the same host

    bool isUnavailable() const;
};

/// Throws the LockStoreError for a reply that none of our commands has. `place` names the store.
[[noreturn]] void refuseNonsense(const std::string& place);

/// `error`: the text of an error reply.
ServerTrouble troubleOf(std::string_view error);

} // namespace Leasehold::Redis
