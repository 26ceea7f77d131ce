#include "Leasehold/Store/StoreSettings.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/printable.h"
#include "NearestKey.h"

#include <Poco/AutoPtr.h>
#include <Poco/Util/AbstractConfiguration.h>
#include <Poco/Util/SystemConfiguration.h>

#include <charconv>
#include <filesystem>

namespace Leasehold
{

namespace
{

constexpr int maximumReferences = 1000;
constexpr const char* durationForm = "a whole number with its unit, such as 250ms, 30s, 5m or 1h";
constexpr const char* durationOrForeverForm = "a whole number with its unit, such as 250ms, 30s, 5m or 1h, or forever";

} // namespace

StoreSettings::StoreSettings(const Poco::Util::AbstractConfiguration& configuration, std::string prefix) :
    _configuration(configuration), _prefix(std::move(prefix))
{
}

StoreSettings::~StoreSettings() = default;

std::string StoreSettings::text(const std::string& key)
{
    if (auto value = read(key, {}))
        return *value;

    std::string message = fullName(key) + " is missing: it must be set";
    Poco::Util::AbstractConfiguration::Keys present;
    _configuration.keys(_prefix.substr(0, _prefix.empty() ? 0 : _prefix.size() - 1), present);
    for (const auto& other : present)
    {
        if (!_asked.contains(other) && editDistance(other, key) <= 2)
            message += "; there is " + fullName(other) + ", perhaps a misspelling of it";
    }
    throw LockConfigurationError(message);
}

std::string StoreSettings::text(const std::string& key, const std::string& fallback)
{
    return read(key, fallback).value_or(fallback);
}

std::optional<std::string> StoreSettings::optionalText(const std::string& key)
{
    return read(key, {});
}

Milliseconds StoreSettings::duration(const std::string& key, Milliseconds fallback)
{
    const auto value = optionalDuration(key);
    _defaults[key] = formatDuration(fallback);
    return value.value_or(fallback);
}

std::optional<Milliseconds> StoreSettings::optionalDuration(const std::string& key)
{
    const auto value = read(key, {});
    if (!value)
        return std::nullopt;
    const auto duration = parseDuration(*value);
    if (!duration)
        refuse(key, *value, durationForm);
    return duration;
}

Milliseconds StoreSettings::durationOrForever(const std::string& key, Milliseconds fallback)
{
    const auto value = optionalDurationOrForever(key);
    _defaults[key] = formatDuration(fallback);
    return value.value_or(fallback);
}

std::optional<Milliseconds> StoreSettings::optionalDurationOrForever(const std::string& key)
{
    const auto value = read(key, {});
    if (!value)
        return std::nullopt;
    if (*value == "forever")
        return forever;
    const auto duration = parseDuration(*value);
    if (!duration)
        refuse(key, *value, durationOrForeverForm);
    return duration;
}

bool StoreSettings::flag(const std::string& key, bool fallback)
{
    const auto value = read(key, fallback ? "true" : "false");
    if (!value)
        return fallback;
    if (*value == "true" || *value == "yes" || *value == "on")
        return true;
    if (*value == "false" || *value == "no" || *value == "off")
        return false;
    refuse(key, *value, "true, yes, on, false, no or off");
}

long long StoreSettings::number(const std::string& key, long long fallback, long long minimum, long long maximum)
{
    const auto value = read(key, std::to_string(fallback));
    if (!value)
        return fallback;
    long long number = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (error != std::errc{} || end != value->data() + value->size() || number < minimum || number > maximum)
        refuse(key, *value, "a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum));
    return number;
}

std::string StoreSettings::choice(const std::string& key, std::initializer_list<const char*> allowed)
{
    const std::string fallback = allowed.size() > 0 ? *allowed.begin() : "";
    const auto value = read(key, fallback);
    if (!value)
        return fallback;
    std::string list;
    for (const std::string one : allowed)
    {
        if (one == *value)
            return one;
        list += (list.empty() ? "" : ", ") + one;
    }
    refuse(key, *value, "one of: " + list);
}

std::optional<std::string> StoreSettings::secret(const std::string& key)
{
    _secrets.insert(key);
    if (!_secretRefusal.empty() && _configuration.hasProperty(fullName(key)))
        throw LockConfigurationError(fullName(key) + " is a secret and " + _secretRefusal);
    return read(key, {});
}

std::string StoreSettings::resolvePath(const std::string& path) const
{
    constexpr const char* folderKey = "application.configDir";
    if (path.empty() || !_configuration.hasProperty(folderKey))
        return path;
    return (std::filesystem::path(_configuration.getRawString(folderKey)) / path).string(); // an absolute path replaces the folder
}

void StoreSettings::refuseSecrets(std::string why)
{
    _secretRefusal = std::move(why);
}

std::string StoreSettings::fullName(const std::string& key) const
{
    return _prefix + key;
}

void StoreSettings::refuse(const std::string& key, const std::string& value, const std::string& allowed) const
{
    const std::string shown =
        _secrets.contains(key) ? " has a secret value that cannot be used" : " = \"" + printable(value) + "\" cannot be used";
    throw LockConfigurationError(fullName(key) + shown + ": allowed is " + allowed);
}

// Expands the raw text here and not by POCO: POCO silently leaves an unknown reference in the value, and expands the content of an
// environment variable once more.
std::optional<std::string> StoreSettings::read(const std::string& key, const std::string& fallback)
{
    _asked.insert(key);
    _defaults[key] = fallback;
    const std::string name = fullName(key);
    if (!_configuration.hasProperty(name))
        return std::nullopt;
    int references = 0;
    std::string value = expand(key, _configuration.getRawString(name), 0, references);
    if (value.empty())
        throw LockConfigurationError(name + " has no value: give it one, or leave the key out");
    return value;
}

std::string StoreSettings::expand(const std::string& key, const std::string& raw, int depth, int& references) const
{
    std::string expanded;
    std::size_t at = 0;
    for (auto start = raw.find("${"); start != std::string::npos; start = raw.find("${", at))
    {
        const auto end = raw.find('}', start);
        if (end == std::string::npos)
            throw LockConfigurationError(fullName(key) +
                                         " contains a ${ without its }: write ${system.env.NAME} for the environment variable NAME");
        const std::string variable = raw.substr(start + 2, end - start - 2);
        // The bound prevents exponential expansion: ten keys that each name the next one ten times would take hours.
        if (++references > maximumReferences)
            throw LockConfigurationError(fullName(key) + " refers to other values, and these to others, more than " +
                                         std::to_string(maximumReferences) + " times: write its value with fewer ${...}");
        expanded.append(raw, at, start - at);
        at = end + 1;

        const Poco::AutoPtr<Poco::Util::SystemConfiguration> system(new Poco::Util::SystemConfiguration);
        if (!variable.empty() && _configuration.hasProperty(variable))
        {
            if (depth >= 10)
                throw LockConfigurationError(fullName(key) + " refers to ${" + variable + "}, which leads back to itself");
            expanded += expand(key, _configuration.getRawString(variable), depth + 1, references);
        }
        else if (!variable.empty() && system->hasProperty(variable))
            expanded += system->getRawString(variable);
        else
            throw LockConfigurationError(fullName(key) + " refers to ${" + variable +
                                         "}, which is not set: set it, or write ${system.env.NAME} for the environment variable NAME");
    }
    return expanded.append(raw, at, std::string::npos);
}

} // namespace Leasehold
