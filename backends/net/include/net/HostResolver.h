#pragma once

#include "Leasehold/Store/CallContext.h"

#include <Poco/Net/SocketAddress.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace Leasehold::Net
{

/// Looks up the addresses of host names. The system's resolver has no deadline, so each name is looked up on a thread of its own, at most
/// one a name, which ends with the look-up; each caller leaves at its own deadline. Answers are kept for 30 s. Thread-safe. The
/// destructor waits for look-ups under way, at worst as long as the system's resolver takes.
class HostResolver
{
public:
    HostResolver() = default;
    ~HostResolver() = default;
    HostResolver(const HostResolver&) = delete;
    HostResolver& operator=(const HostResolver&) = delete;

    /// At least one address, the preferred one first. Throws CallFailure (not sent).
    std::vector<Poco::Net::SocketAddress> resolve(const std::string& host, std::uint16_t port, const CallContext& context);

    /// What is known of this host may be out of date: look again next time.
    void forget(const std::string& host);

    /// This address could be connected to: it comes first from now on.
    void prefer(const std::string& host, const Poco::Net::IPAddress& address);

private:
    struct Entry
    {
        std::vector<Poco::Net::IPAddress> addresses{};
        std::optional<Poco::Net::IPAddress> preferred{};
        std::string error{};
        bool looking = false;
        bool answered = false;
        std::chrono::steady_clock::time_point when{};
        std::thread thread{};

        ~Entry() { endThread(); }
        void endThread();
    };

    void startLooking(const std::string& host, Entry& entry);
    void look(const std::string& host, Entry& entry);

    std::mutex _mutex;
    std::condition_variable_any _changed;
    std::map<std::string, std::unique_ptr<Entry>> _entries; // last: its threads end before the rest goes
};

} // namespace Leasehold::Net
