#include "ServerTrouble.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <array>

namespace Leasehold::Redis
{
namespace
{

struct Known
{
    std::string_view text;
    Meaning meaning;
    const char* why;
};

constexpr const char* rights = "operating.md of the Redis store lists the rights that its user needs";

/// By the first word of the reply.
constexpr std::array words{
    Known{"NOSCRIPT", Meaning::scriptMissing, "its scripts were flushed"},
    Known{"ASK", Meaning::unavailable, "the slot of the prefix is being moved to another node of the cluster"},
    Known{"TRYAGAIN", Meaning::unavailable, "the slot of the prefix is being moved to another node of the cluster"},
    Known{"CLUSTERDOWN", Meaning::unavailable, "the cluster is down: a primary is missing"},
    Known{"READONLY", Meaning::notPrimary, "it is a replica"},
    Known{"MASTERDOWN", Meaning::notPrimary, "it is a replica without its primary"},
    Known{"UNBLOCKED", Meaning::notPrimary, "it became a replica before its replicas confirmed the change"},
    Known{"LOADING", Meaning::unavailable, "it has started and is loading its data"},
    Known{"BUSY", Meaning::unavailable, "it is busy with a script of another program; SCRIPT KILL ends that"},
    Known{"NOREPLICAS", Meaning::unavailable, "it has fewer replicas than its min-replicas-to-write"},
    Known{"MISCONF", Meaning::unavailable, "it cannot write its data to its disk, so it refuses changes"},
    Known{"OOM", Meaning::memoryFull, "its memory is full (maxmemory)"},
    Known{"NOAUTH", Meaning::refused, "it asks for a password: set the keys user and password"},
    Known{"WRONGPASS", Meaning::refused, "it refuses the user or the password"},
    Known{"DENIED", Meaning::refused, "it is in protected mode: give it a password, or let it listen on the loopback only"},
    Known{"NOPERM", Meaning::missingRight, rights},
    Known{"CROSSSLOT", Meaning::refused, "it sees keys of one prefix in several slots"},
};

/// By a part of a reply that begins with ERR.
constexpr std::array phrases{
    Known{"max number of clients", Meaning::unavailable, "it has too many clients (maxclients)"},
    Known{"unauthenticated", Meaning::refused, "it asks for a password: set the keys user and password"},
    Known{"ACL failure in script", Meaning::missingRight, rights},
    Known{"The user executing the script can't", Meaning::missingRight, rights},
    Known{"can't access at least one of the keys", Meaning::missingRight, rights},
    Known{"unknown command", Meaning::refused, "it does not know the command: use Redis 7.0 or newer or Valkey, without a proxy"},
    Known{"nknown subcommand", Meaning::refused, "it does not know the command: use Redis 7.0 or newer or Valkey, without a proxy"},
    Known{"DB index is out of range", Meaning::refused, "it has no database of this number: change the key database"},
    Known{"SELECT is not allowed in cluster mode", Meaning::refused, "a cluster has only the database 0: change the key database"},
    Known{"Error compiling script", Meaning::refused, "it cannot read the scripts: use Redis 7.0 or newer or Valkey"},
    Known{"script", Meaning::scriptFailed, "a script failed: a key of the prefix is damaged, or another program writes to it"},
};

/// The first word if it is an error code, which no server makes from arguments.
std::string_view codeOf(std::string_view error)
{
    const auto word = error.substr(0, error.find(' '));
    const bool isCode =
        !word.empty() && word.size() <= 20 && std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return isCode ? word : std::string_view();
}

/// "MOVED 866 host:port".
ServerTrouble movedTo(std::string_view error)
{
    if (auto address = ServerAddress::ofServer(error.substr(error.rfind(' ') + 1)))
        return {Meaning::moved, "another node of the cluster has the slot of the prefix", std::move(address)};
    return {Meaning::unavailable, "another node of the cluster has the slot of the prefix, but it does not know its address", {}};
}

} // namespace

bool ServerTrouble::isUnavailable() const
{
    return meaning != Meaning::refused && meaning != Meaning::missingRight && meaning != Meaning::scriptFailed;
}

void refuseNonsense(const std::string& place)
{
    throw LockStoreError(place + ": the answer of the server makes no sense: does only Leasehold write to the keys of the prefix?");
}

ServerTrouble troubleOf(std::string_view error)
{
    const auto code = codeOf(error);
    if (code == "MOVED")
        return movedTo(error);
    for (const auto& known : words)
    {
        if (known.text == code)
            return {known.meaning, known.why, {}};
    }
    for (const auto& known : phrases)
    {
        if (error.find(known.text) != std::string_view::npos)
            return {known.meaning, known.why, {}};
    }
    return {Meaning::refused, "it answers with the error " + (code.empty() ? std::string("ERR") : std::string(code)), {}};
}

} // namespace Leasehold::Redis
