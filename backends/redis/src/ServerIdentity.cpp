#include "ServerIdentity.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/printable.h"

#include <charconv>

namespace Leasehold::Redis
{
namespace
{

constexpr int oldestRedis = 7;

} // namespace

// An array of names and values. A sentinel has no role.
ServerIdentity ServerIdentity::of(const Reply& hello, const std::string& address)
{
    ServerIdentity identity;
    for (std::size_t index = 0; index + 1 < hello.items.size(); index += 2)
    {
        const auto& name = hello.items[index].text;
        const auto& value = hello.items[index + 1].text;
        if (name == "server")
            identity.name = value;
        else if (name == "version")
            identity.version = value;
        else if (name == "mode")
            identity.mode = value;
        else if (name == "role")
            identity.role = value;
    }
    if (identity.name.empty() || identity.version.empty() || (identity.role.empty() && !identity.isSentinel()))
        throw LockStoreError(address +
                             ": its answer to HELLO does not name the server, its version and its role: use Redis 7.0 or newer or "
                             "Valkey, without a proxy");
    if (identity.name == "redis" && numberAtStart(identity.version) < oldestRedis)
        throw LockStoreError(address + ": it is " + identity.text() + ": use Redis 7.0 or newer or Valkey");
    return identity;
}

std::string ServerIdentity::text() const
{
    return (name == "valkey" ? "Valkey " : name == "redis" ? "Redis " : printable(name) + " ") + printable(version);
}

int numberAtStart(const std::string& version)
{
    int number = 0;
    std::from_chars(version.data(), version.data() + version.size(), number);
    return number;
}

} // namespace Leasehold::Redis
