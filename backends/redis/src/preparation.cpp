#include "preparation.h"

#include "LockSteps.h"

#include "Leasehold/printable.h"

namespace Leasehold::Redis
{
namespace
{

/// The value of a line "name:value" of INFO; empty: there is none.
std::string valueIn(const std::string& info, const std::string& name)
{
    auto begin = info.find("\n" + name + ":");
    if (begin == std::string::npos)
        return {};
    begin += name.size() + 2;
    return info.substr(begin, info.find_first_of("\r\n", begin) - begin);
}

} // namespace

// Eviction of a held lock is two holders. Policies that begin with "volatile" spare our keys, because they do not expire.
void requireNoEviction(const Reply& memory, const std::string& place)
{
    if (memory.type != Reply::Type::text)
        refuseNonsense(place);
    const auto limit = valueIn(memory.text, "maxmemory");
    const auto policy = valueIn(memory.text, "maxmemory_policy");
    if (!limit.empty() && limit != "0" && policy.starts_with("allkeys"))
        throw LockStoreError(place + ": the server's maxmemory-policy is " + printable(policy) +
                             ", so it would delete held locks when its memory is full: set it to noeviction");
}

void requireRights(const Reply& missing, const std::string& place)
{
    std::string commands;
    for (const auto& command : namesIn(missing, place))
        commands += (commands.empty() ? "" : ", ") + printable(command);
    if (!commands.empty())
        throw LockStoreError(place + ": the user may not use " + commands +
                             " on the keys of the prefix: operating.md of the Redis store lists the rights that it needs");
}

// An array of names and values.
void requireDurable(const Reply& settings, const std::string& place)
{
    std::string appendonly, appendfsync;
    for (std::size_t index = 0; index + 1 < settings.items.size(); index += 2)
        (settings.items[index].isText("appendonly") ? appendonly : appendfsync) = settings.items[index + 1].text;
    if (appendonly != "yes" || appendfsync != "always")
        throw LockStoreError(place + ": durable is set, but the server has appendonly " + printable(appendonly) + " and appendfsync " +
                             printable(appendfsync) + ": needed are yes and always");
}

void prepare(LockServer& server, const CallContext& context)
{
    const auto& keys = server.keys();
    // Before the era begins: its script, too, needs the rights.
    const auto replies = server.ask(
        [&](const Session& session)
        {
            if (server.options().durable && session.identity().isCluster())
                throw LockStoreError(server.place() +
                                     ": durable is set, but a cluster can lose changes in a failover: remove the key durable");
            Commands commands;
            commands.add({"EVALSHA", digestOf(Script::rights), "4", keys.era, keys.names, keys.ages, keys.lock({}),
                          server.replicasOf(session) > 0 ? "1" : "0"});
            commands.add({"INFO", "memory"});
            return commands;
        },
        context);
    requireRights(replies[0], server.place());
    requireNoEviction(replies[1], server.place());
    server.askInEra(
        [](const Session&)
        {
            Commands commands;
            commands.add({"PING"});
            return commands;
        },
        context);
    if (!server.options().durable)
        return;
    try
    {
        const auto settings = server.ask(
            [](const Session&)
            {
                Commands commands;
                commands.add({"CONFIG", "GET", "appendonly", "appendfsync"});
                return commands;
            },
            context);
        requireDurable(settings.front(), server.place());
    }
    catch (const MissingRight&)
    {
        // Most users may not read the settings. Then the operator's word counts.
    }
}

} // namespace Leasehold::Redis
