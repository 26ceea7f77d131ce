#pragma once

#include "Leasehold/Durations.h"

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

/// The settings of one part of a configuration, and the memory of which keys were asked for, so that a key that nobody
/// asked for can be refused. Every error is a LockConfigurationError that names the whole key, the value (unless it is
/// secret) and what is allowed. A key without a value is an error too: leave it out instead. Ask for every key that the part
/// knows, whatever the others say, or a key that would be right is refused as unknown. Not thread-safe.
///
/// `${NAME}` in a value is the value of another key of the configuration, or of Poco's system configuration:
/// `${system.env.PASSWORD}` is an environment variable. What a variable of the system contains is taken as it is, so a
/// password may contain "${".
class StoreSettings
{
public:
    /// The keys below `prefix` (with its final dot: "leasehold.store.sqlite.") of `configuration`, which must outlive this.
    StoreSettings(const Poco::Util::AbstractConfiguration& configuration, std::string prefix);
    ~StoreSettings();
    StoreSettings(const StoreSettings&) = delete;
    StoreSettings& operator=(const StoreSettings&) = delete;

    /// The value; the key must be there. `${...}` is expanded; one that cannot be is an error.
    std::string text(const std::string& key);
    std::string text(const std::string& key, const std::string& fallback);
    std::optional<std::string> optionalText(const std::string& key);
    Milliseconds duration(const std::string& key, Milliseconds fallback);
    std::optional<Milliseconds> optionalDuration(const std::string& key);
    /// The same, and "forever" is allowed.
    Milliseconds durationOrForever(const std::string& key, Milliseconds fallback);
    std::optional<Milliseconds> optionalDurationOrForever(const std::string& key);
    /// true, yes, on, or false, no, off.
    bool flag(const std::string& key, bool fallback);
    long long number(const std::string& key, long long fallback, long long least, long long most);
    /// One of `allowed`; the first is the fallback.
    std::string choice(const std::string& key, std::initializer_list<const char*> allowed);
    /// Like optionalText; the value never shows in a message.
    std::optional<std::string> secret(const std::string& key);

    /// From now on a secret that is present is refused, and `why` says what to do instead: a URL may not carry secrets.
    void refuseSecrets(std::string why);

    /// The whole name of a key, for messages.
    std::string fullName(const std::string& key) const;

    /// Throws: the value of this key is wrong; `allowed` says what would be right.
    [[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& allowed) const;

    /// The keys (without the prefix) that were asked for so far.
    const std::set<std::string>& asked() const noexcept { return _asked; }

    /// The fallbacks of those keys, as a file would write them; empty: the key has none.
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
