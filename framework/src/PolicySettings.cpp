#include "PolicySettings.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/StoreSettings.h"

#include <Poco/Util/AbstractConfiguration.h>

namespace Leasehold
{

namespace
{

using Keys = std::map<std::string, std::string>;
using BackoffCreators = std::map<std::string, StoreRegistry::BackoffCreator>;

// The defaults of the two back-offs differ: waiting for a holder takes longer than retrying a call.
struct BackoffDefaults
{
    Milliseconds initial, maximum, delay;
};

constexpr BackoffDefaults waitDefaults{Milliseconds{50}, Milliseconds{1000}, Milliseconds{500}};
constexpr BackoffDefaults retryDefaults{Milliseconds{20}, Milliseconds{1000}, Milliseconds{100}};

void remember(const StoreSettings& settings, Keys& keys)
{
    for (const auto& [key, fallback] : settings.defaults())
        keys.emplace(settings.fullName(key), fallback);
}

Milliseconds backoffDelay(StoreSettings& settings, const std::string& key, Milliseconds fallback)
{
    const auto delay = settings.duration(key, fallback);
    if (delay <= Milliseconds{0} || delay > Backoff::longest)
        settings.refuse(key, formatDuration(delay), "a duration from 1ms to " + formatDuration(Backoff::longest));
    return delay;
}

std::shared_ptr<const Backoff> makeBackoff(StoreSettings& settings, const std::string& type, const BackoffDefaults& defaults,
                                           const BackoffCreators& creators)
{
    if (type == "jittered")
    {
        const auto initial = backoffDelay(settings, "initial", defaults.initial);
        const auto maximum = backoffDelay(settings, "maximum", defaults.maximum);
        if (maximum < initial)
            settings.refuse("maximum", formatDuration(maximum),
                            "a duration of at least " + settings.fullName("initial") + ", " + formatDuration(initial));
        return std::make_shared<JitteredBackoff>(initial, maximum);
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
    policy.retry.maxAttempts = static_cast<int>(settings.number("retry.max_attempts", policy.retry.maxAttempts, 0, 1000));
    policy.retention.retention = settings.duration("retention.keep_for", policy.retention.retention);
    policy.retention.pruneEvery = settings.durationOrForever("retention.prune_every", policy.retention.pruneEvery);
    remember(settings, read.keys);
    policy.wait.backoff = readBackoff(configuration, "leasehold.policy.wait.backoff.", waitDefaults, backoffs, read.keys);
    policy.retry.backoff = readBackoff(configuration, "leasehold.policy.retry.backoff.", retryDefaults, backoffs, read.keys);
    return read;
}

std::string PolicySettings::renamed(const std::string& key)
{
    static const Keys renamed = {
        {"leasehold.policy.wait.backoff.first", "leasehold.policy.wait.backoff.initial"},
        {"leasehold.policy.wait.backoff.most", "leasehold.policy.wait.backoff.maximum"},
        {"leasehold.policy.retry.backoff.first", "leasehold.policy.retry.backoff.initial"},
        {"leasehold.policy.retry.backoff.most", "leasehold.policy.retry.backoff.maximum"},
        {"leasehold.policy.retention.retention", "leasehold.policy.retention.keep_for"},
    };
    const auto found = renamed.find(key);
    return found == renamed.end() ? std::string() : found->second;
}

} // namespace Leasehold
