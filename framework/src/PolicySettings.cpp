#include "PolicySettings.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/StoreSettings.h"

#include <Poco/Util/AbstractConfiguration.h>

namespace Leasehold
{

namespace
{

using Keys = std::map<std::string, std::string>;
using BackoffCreators = std::map<std::string, StoreRegistry::BackoffCreator>;

// The built-in kinds take their defaults from the place where they stand: waiting for a holder is slower than trying a call again.
struct BackoffDefaults
{
    Milliseconds first, most, delay;
};

constexpr BackoffDefaults waitDefaults{Milliseconds{50}, Milliseconds{2000}, Milliseconds{500}};
constexpr BackoffDefaults retryDefaults{Milliseconds{20}, Milliseconds{1000}, Milliseconds{100}};
constexpr Milliseconds longestBackoff = std::chrono::hours{24};

void remember(const StoreSettings& settings, Keys& keys)
{
    for (const auto& [key, fallback] : settings.defaults())
        keys.emplace(settings.fullName(key), fallback);
}

Milliseconds backoffDelay(StoreSettings& settings, const std::string& key, Milliseconds fallback)
{
    const auto delay = settings.duration(key, fallback);
    if (delay <= Milliseconds{0} || delay > longestBackoff)
        settings.refuse(key, formatDuration(delay), "a duration from 1ms to " + formatDuration(longestBackoff));
    return delay;
}

std::shared_ptr<const Backoff> makeBackoff(StoreSettings& settings, const std::string& type, const BackoffDefaults& defaults,
                                           const BackoffCreators& creators)
{
    if (type == "jittered")
    {
        const auto first = backoffDelay(settings, "first", defaults.first);
        const auto most = backoffDelay(settings, "most", defaults.most);
        if (most < first)
            settings.refuse("most", formatDuration(most),
                            "a duration of at least " + settings.fullName("first") + ", " + formatDuration(first));
        return std::make_shared<JitteredBackoff>(first, most);
    }
    if (type == "fixed")
        return std::make_shared<FixedBackoff>(backoffDelay(settings, "delay", defaults.delay));

    const auto creator = creators.find(type);
    if (creator == creators.end())
    {
        std::string known = "one of: fixed, jittered";
        for (const auto& [name, unused] : creators)
            known += ", " + name;
        settings.refuse("type", type, known);
    }
    auto backoff = creator->second(settings);
    if (!backoff)
        throw LockConfigurationError(settings.fullName("type") + ": the creator of the backoff \"" + type +
                                     "\" made none; it must return one");
    return backoff;
}

std::shared_ptr<const Backoff> readBackoff(const Poco::Util::AbstractConfiguration& configuration, const std::string& prefix,
                                           const BackoffDefaults& defaults, const BackoffCreators& creators, Keys& keys)
{
    StoreSettings settings(configuration, prefix);
    const auto type = settings.text("type", "jittered");
    auto backoff = makeBackoff(settings, type, defaults, creators);
    remember(settings, keys);
    return backoff;
}

} // namespace

PolicySettings PolicySettings::read(const Poco::Util::AbstractConfiguration& configuration, const BackoffCreators& backoffs)
{
    PolicySettings read;
    LockPolicy& policy = read.policy;
    StoreSettings settings(configuration, "leasehold.policy.");
    policy.lease.ttl = settings.duration("lease.ttl", policy.lease.ttl);
    policy.lease.renewAfter = settings.optionalDuration("lease.renew_after");
    policy.lease.safetyMargin = settings.optionalDuration("lease.safety_margin");
    policy.lease.maxHold = settings.durationOrForever("lease.max_hold", forever);
    policy.lease.callTimeout = settings.optionalDuration("lease.call_timeout");
    if (policy.lease.maxHold == forever)
        policy.lease.maxHold.reset();
    policy.wait.limit = settings.durationOrForever("wait.limit", policy.wait.limit);
    policy.retry.maxAttempts = static_cast<int>(settings.number("retry.max_attempts", policy.retry.maxAttempts, 1, 1000));
    policy.retention.retention = settings.duration("retention.retention", policy.retention.retention);
    policy.retention.pruneEvery = settings.durationOrForever("retention.prune_every", policy.retention.pruneEvery);
    remember(settings, read.keys);
    policy.wait.backoff = readBackoff(configuration, "leasehold.policy.wait.backoff.", waitDefaults, backoffs, read.keys);
    policy.retry.backoff = readBackoff(configuration, "leasehold.policy.retry.backoff.", retryDefaults, backoffs, read.keys);
    return read;
}

} // namespace Leasehold
