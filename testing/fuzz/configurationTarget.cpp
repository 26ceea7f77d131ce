#include "fuzzing.h"

#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/MemoryLockStore.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/Store/StoreSettings.h"
#include "Leasehold/loadConfiguration.h"

#include <Poco/AutoPtr.h>
#include <Poco/Util/AbstractConfiguration.h>
#include <Poco/Util/MapConfiguration.h>

#include <cstdlib>
#include <optional>

#include <sys/mman.h>
#include <unistd.h>

namespace Leasehold::Fuzz
{

namespace
{

const std::string secret = "Pa55w0rd-of-a-user";

/// A file in memory that has a path.
class MemoryFile
{
public:
    explicit MemoryFile(std::string_view content) : _descriptor(::memfd_create("properties", MFD_CLOEXEC))
    {
        if (_descriptor < 0 || ::write(_descriptor, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
            std::abort(); // a failure of the set-up, which is not a finding
    }
    ~MemoryFile() { ::close(_descriptor); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    std::string path() const { return "/proc/self/fd/" + std::to_string(_descriptor); }

private:
    const int _descriptor;
};

/// A store that reads every kind of setting.
std::shared_ptr<LockStore> makeCurious(StoreSettings& settings)
{
    settings.optionalText("path");
    settings.text("index", "locks");
    settings.secret("password");
    settings.durationOrForever("patience", Milliseconds{1000});
    settings.optionalDuration("timeout");
    settings.flag("durable", true);
    settings.choice("mode", {"quick", "safe"});
    const auto replicas = settings.number("replicas", 2, 0, 100);
    require(replicas >= 0 && replicas <= 100, "a number lies between its limits");
    return std::make_shared<MemoryLockStore>();
}

StoreRegistry makeRegistry()
{
    StoreRegistry registry;
    registerMemoryStore(registry);
    registerElasticsearchStore(registry);
    registry.add("curious", makeCurious);
    return registry;
}

/// The result of `read`; nullopt: it refused the input, with a message that shows no secret.
template <typename Read>
auto unlessRefused(Read read) -> std::optional<decltype(read())>
{
    try
    {
        return read();
    }
    catch (const LockConfigurationError& error)
    {
        require(!error.message().empty(), "an error says what is wrong");
        require(error.message().find(secret) == std::string::npos, "no message shows a secret: " + error.message());
        return std::nullopt;
    }
}

void requireSame(const LockPolicy& policy, const StoreRegistry& registry)
{
    Poco::AutoPtr<Poco::Util::MapConfiguration> written(new Poco::Util::MapConfiguration);
    const auto set = [&written](const std::string& key, std::optional<Milliseconds> duration)
    {
        if (duration)
            written->setString("leasehold.policy." + key, formatDuration(*duration));
    };
    set("lease.ttl", policy.lease.ttl);
    set("lease.renew_after", policy.lease.renewAfter);
    set("lease.safety_margin", policy.lease.safetyMargin);
    set("lease.max_hold", policy.lease.maxHold);
    set("lease.call_timeout", policy.lease.callTimeout);
    set("wait.limit", policy.wait.limit);
    set("retention.keep_for", policy.retention.retention);
    set("retention.prune_every", policy.retention.pruneEvery);
    const auto again = registry.policy(*written);
    require(again.lease.ttl == policy.lease.ttl && again.lease.renewAfter == policy.lease.renewAfter &&
                again.lease.safetyMargin == policy.lease.safetyMargin && again.lease.maxHold == policy.lease.maxHold &&
                again.lease.callTimeout == policy.lease.callTimeout && again.wait.limit == policy.wait.limit &&
                again.retention.retention == policy.retention.retention && again.retention.pruneEvery == policy.retention.pruneEvery,
            "a policy that is written is read as the same");
}

} // namespace

void configuration(std::string_view input)
{
    static const auto registry = makeRegistry();
    if (input.find(secret) != std::string_view::npos)
        return; // the secret is also in a part that messages may show
    // Reading the system's certificates would take longer than everything else.
    if (input.find("https") != std::string_view::npos || input.find("ca_file") != std::string_view::npos)
        return;

    const MemoryFile file(input);
    const auto loaded = unlessRefused([&] { return loadConfiguration(file.path()); });
    if (!loaded)
        return;
    auto& properties = **loaded;
    if (unlessRefused([&] { return registry.create(properties); }))
        require(!registry.knownKeys(properties).empty(), "a configuration that makes a store has keys");
    if (const auto policy = unlessRefused([&] { return registry.policy(properties); }))
    {
        policy->validate();
        requireSame(*policy, registry);
    }

    for (const char* key : {"curious.password", "elasticsearch.password", "elasticsearch.api_key"})
    {
        const auto name = std::string("leasehold.store.") + key;
        properties.remove(name);
        properties.setString(name, secret + (name.ends_with("api_key") ? "\n" : ""));
    }
    unlessRefused([&] { return registry.create(properties); });
    unlessRefused([&] { return registry.open(std::string(input), UrlCredentials::allowed); });
    unlessRefused([&] { return registry.open("curious:?password=" + secret + "&" + std::string(input)); });
}

} // namespace Leasehold::Fuzz
