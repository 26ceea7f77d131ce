#include "net/HostResolver.h"

#include "net/CallFailure.h"

#include "Leasehold/Store/ServiceThread.h"

#include <Poco/Exception.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/HostEntry.h>
#include <Poco/Net/IPAddress.h>

#include <algorithm>
#include <system_error>

namespace Leasehold::Net
{

namespace
{

constexpr auto keptFor = std::chrono::seconds(30);
constexpr Milliseconds longestWait{1000};

} // namespace

std::vector<Poco::Net::SocketAddress> HostResolver::resolve(const std::string& host, std::uint16_t port, const CallContext& context)
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
        startLooking(host, entry);
    // In short steps: a condition variable does not count the time that the machine is suspended, and the call's clock does.
    while (!entry.answered && context.timeLeft().count() > 0 && !context.cancel().stop_requested())
        _changed.wait_for(lock, context.cancel(), std::min(context.timeLeft(), longestWait), [&entry] { return entry.answered; });
    if (!entry.answered)
        throw CallFailure(CallFailure::Outcome::notSent,
                          "the name " + host +
                              (context.cancel().stop_requested() ? " was being looked up when the call was cancelled"
                                                                 : " could not be looked up in time"));
    if (!entry.error.empty())
        throw CallFailure(CallFailure::Outcome::notSent, entry.error);
    std::vector<Poco::Net::SocketAddress> result;
    for (const auto& address : entry.addresses)
        result.emplace_back(address, port);
    std::stable_partition(result.begin(), result.end(), [&entry](const auto& address) { return address.host() == entry.preferred; });
    return result;
}

void HostResolver::prefer(const std::string& host, const Poco::Net::IPAddress& address)
{
    const std::lock_guard lock(_mutex);
    if (const auto found = _entries.find(host); found != _entries.end())
        found->second->preferred = address;
}

void HostResolver::Entry::endThread()
{
    if (thread.joinable())
        thread.join();
}

void HostResolver::forget(const std::string& host)
{
    const std::lock_guard lock(_mutex);
    const auto found = _entries.find(host);
    if (found != _entries.end() && !found->second->looking)
        found->second->answered = false;
}

// The mutex is locked. Notes the look-up only after its thread has started: otherwise the name would never be looked up again.
void HostResolver::startLooking(const std::string& host, Entry& entry)
{
    try
    {
        // The thread before it has ended all but its return, so that this waits for nothing.
        entry.endThread();
        entry.thread = startServiceThread([this, host, &entry] { look(host, entry); });
    }
    catch (const std::system_error& problem)
    {
        throw CallFailure(CallFailure::Outcome::notSent, "the name " + host + " cannot be looked up: no thread can be started (" +
                                                             problem.code().message() +
                                                             "): raise the limit of processes, or use numeric addresses");
    }
    entry.looking = true;
    entry.answered = false;
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
    catch (const std::exception& problem) // no memory is left, and the thread must not end the process
    {
        error = "the host " + host + " could not be looked up: " + problem.what();
    }
    const std::lock_guard lock(_mutex);
    entry.addresses = std::move(addresses);
    entry.error = std::move(error);
    entry.when = std::chrono::steady_clock::now();
    entry.looking = false;
    entry.answered = true;
    _changed.notify_all();
}

} // namespace Leasehold::Net
