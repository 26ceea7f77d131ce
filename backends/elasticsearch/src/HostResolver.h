#pragma once

#include "CallLimit.h"

#include <Poco/Net/SocketAddress.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace Leasehold
{

/// Names of hosts to addresses. The system's resolver knows no deadline, so a name is looked up on a thread of its own, one for
/// each name at most, which lives only while it looks; whoever waits leaves at his own deadline. Answers are kept for a short
/// while. Thread-safe. The destructor waits for look-ups under way (as long as the system's resolver takes, at the worst).
class HostResolver
{
public:
    HostResolver() = default;
    ~HostResolver() = default;
    HostResolver(const HostResolver&) = delete;
    HostResolver& operator=(const HostResolver&) = delete;

    /// At least one address. Throws HttpFailure (not sent).
    std::vector<Poco::Net::SocketAddress> resolve(const std::string& host, std::uint16_t port, const CallLimit& limit);

    /// What is known of this host may be out of date: look again next time.
    void forget(const std::string& host);

private:
    struct Entry
    {
        std::vector<Poco::Net::IPAddress> addresses{};
        std::string error{};
        bool looking = false;
        bool answered = false;
        std::chrono::steady_clock::time_point when{};
        std::jthread thread{};
    };

    void look(const std::string& host, Entry& entry);

    std::mutex _mutex;
    std::condition_variable_any _changed;
    std::map<std::string, std::unique_ptr<Entry>> _entries; // last: its threads end before the rest goes
};

} // namespace Leasehold
