#include "HostResolver.h"

#include "HttpFailure.h"

#include <Poco/Exception.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/HostEntry.h>
#include <Poco/Net/IPAddress.h>

namespace Leasehold
{

namespace
{

constexpr auto keptFor = std::chrono::seconds(30);

} // namespace

std::vector<Poco::Net::SocketAddress> HostResolver::resolve(const std::string& host, std::uint16_t port, const CallLimit& limit)
{
    Poco::Net::IPAddress numeric;
    if (Poco::Net::IPAddress::tryParse(host, numeric))
        return {Poco::Net::SocketAddress(numeric, port)};

    std::unique_lock lock(_mutex);
    auto& slot = _entries[host];
    if (!slot)
        slot = std::make_unique<Entry>();
    Entry& entry = *slot;
    const bool fresh = entry.answered && entry.error.empty() && std::chrono::steady_clock::now() - entry.when < keptFor;
    if (!fresh && !entry.looking)
    {
        entry.looking = true;
        entry.answered = false;
        // The thread before it has ended all but its return, so that this waits for nothing.
        entry.thread = std::jthread([this, host, &entry] { look(host, entry); });
    }
    if (!_changed.wait_until(lock, limit.cancel, limit.deadline, [&entry] { return entry.answered; }))
        throw HttpFailure(
            HttpFailure::Outcome::notSent,
            "the name " + host +
                (limit.cancel.stop_requested() ? " was being looked up when the call was cancelled" : " could not be looked up in time"));
    if (!entry.error.empty())
        throw HttpFailure(HttpFailure::Outcome::notSent, entry.error);
    std::vector<Poco::Net::SocketAddress> result;
    for (const auto& address : entry.addresses)
        result.emplace_back(address, port);
    return result;
}

void HostResolver::forget(const std::string& host)
{
    const std::lock_guard lock(_mutex);
    const auto found = _entries.find(host);
    if (found != _entries.end() && !found->second->looking)
        found->second->answered = false;
}

void HostResolver::look(const std::string& host, Entry& entry)
{
    std::vector<Poco::Net::IPAddress> addresses;
    std::string error;
    try
    {
        addresses = Poco::Net::DNS::hostByName(host).addresses();
        if (addresses.empty())
            error = "the host " + host + " has no address";
    }
    catch (const Poco::Exception& problem)
    {
        error = "the host " + host + " was not found (" + problem.name() + ")";
    }
    const std::lock_guard lock(_mutex);
    entry.addresses = std::move(addresses);
    entry.error = std::move(error);
    entry.when = std::chrono::steady_clock::now();
    entry.looking = false;
    entry.answered = true;
    _changed.notify_all();
}

} // namespace Leasehold
