#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace Poco::Util
{
class AbstractConfiguration;
}

namespace Leasehold
{

/// The settings of one part of a configuration. It records the keys that were read, so that other keys can be refused as unknown. Every
/// error is a LockConfigurationError that names the full key, the value (unless it is secret) and the allowed values. A key without a value
/// is an error too: leave the key out instead. Read every key of the part, whatever the values are: a key that was not read is refused as
/// unknown. Not thread-safe.
///
/// `${NAME}` in a value is the value of another key of the configuration, or of POCO's system configuration: `${system.env.PASSWORD}` is an
/// environment variable. The value of a variable of the system is not expanded, so a password may contain "${".
class LEASEHOLD_EXPORT StoreSettings
{
public:
    /// The keys below `prefix` (with its final dot: "leasehold.store.sqlite.") of `configuration`, which must outlive this.
    StoreSettings(const Poco::Util::AbstractConfiguration& configuration, std::string prefix);
    ~StoreSettings();
    StoreSettings(const StoreSettings&) = delete;
    StoreSettings& operator=(const StoreSettings&) = delete;

    /// The value of a required key. `${...}` is expanded; an unknown reference is an error.
    std::string text(const std::string& key);
    /// The value, or `fallback` if the key is not there.
    std::string text(const std::string& key, const std::string& fallback);
    /// The value; nullopt if the key is not there.
    std::optional<std::string> optionalText(const std::string& key);
    /// A duration as parseDuration reads it, or `fallback` if the key is not there.
    Milliseconds duration(const std::string& key, Milliseconds fallback);
    /// A duration as parseDuration reads it; nullopt if the key is not there.
    std::optional<Milliseconds> optionalDuration(const std::string& key);
    /// As duration, and "forever" is allowed.
    Milliseconds durationOrForever(const std::string& key, Milliseconds fallback);
    /// As optionalDuration, and "forever" is allowed.
    std::optional<Milliseconds> optionalDurationOrForever(const std::string& key);
    /// true, yes, on, or false, no, off; `fallback` if the key is not there.
    bool flag(const std::string& key, bool fallback);
    /// A whole number from `minimum` to `maximum`, or `fallback` if the key is not there.
    long long number(const std::string& key, long long fallback, long long minimum, long long maximum);
    /// One of `allowed`; the first is the fallback.
    std::string choice(const std::string& key, std::initializer_list<const char*> allowed);
    /// Like optionalText, but no message shows the value.
    std::optional<std::string> secret(const std::string& key);

    /// The path of a file in a value. A relative path starts in `application.configDir` if the configuration has that key:
    /// loadConfiguration and Poco::Util::Application set it to the folder of the file that they read. Otherwise, as for a URL, it stays
    /// relative to the current directory.
    std::string resolvePath(const std::string& path) const;

    /// From now on a secret that has a value is refused, as in a URL. `why`: what to do instead.
    void refuseSecrets(std::string why);

    /// The full name of a key, for messages.
    std::string fullName(const std::string& key) const;

    /// Throws because the value of this key is invalid. `allowed`: the allowed values.
    [[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& allowed) const;

    /// The keys, without the prefix, that were read so far.
    const std::set<std::string>& asked() const noexcept { return _asked; }

    /// The defaults of those keys as in a file; empty: the key has none.
    const std::map<std::string, std::string>& defaults() const noexcept { return _defaults; }

private:
    std::optional<std::string> read(const std::string& key, const std::string& fallback);
    std::string expand(const std::string& key, const std::string& raw, int depth, int& references) const;

    const Poco::Util::AbstractConfiguration& _configuration;
    std::string _prefix;
    std::set<std::string> _asked;
    std::set<std::string> _secrets;
    std::map<std::string, std::string> _defaults;
    std::string _secretRefusal;
};

} // namespace Leasehold
