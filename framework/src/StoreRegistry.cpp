#include "Leasehold/StoreRegistry.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/LockStore.h"
#include "Leasehold/StoreSettings.h"
#include "NearestKey.h"
#include "PolicySettings.h"
#include "StoreUrl.h"

#include <Poco/AutoPtr.h>
#include <Poco/Util/MapConfiguration.h>

#include <set>

namespace Leasehold
{

namespace
{

using Keys = std::map<std::string, std::string>;

constexpr const char* typeKey = "leasehold.store.type";

// Every key below `base` that has a value. A key that has others below it counts only where its own value can be told from
// theirs: an XML or JSON configuration would answer with what its children contain.
void collectKeys(const Poco::Util::AbstractConfiguration& configuration, const std::string& base, std::set<std::string>& found)
{
    Poco::Util::AbstractConfiguration::Keys children;
    configuration.keys(base, children);
    const bool flat = dynamic_cast<const Poco::Util::MapConfiguration*>(&configuration) != nullptr;
    if (children.empty() || (flat && configuration.hasProperty(base)))
        found.insert(base);
    for (const auto& child : children)
        collectKeys(configuration, base + "." + child, found);
}

std::string listed(const std::vector<std::string>& types)
{
    std::string list;
    for (const auto& type : types)
        list += (list.empty() ? "" : ", ") + type;
    return list.empty() ? "none is registered" : list;
}

// Refuses what is neither known nor below a prefix that is left alone.
void refuseUnknownKeys(const Poco::Util::AbstractConfiguration& configuration, const Keys& known, const std::vector<std::string>& leftAlone)
{
    Poco::Util::AbstractConfiguration::Keys ours;
    configuration.keys("leasehold", ours);
    if (ours.empty())
        return;
    std::set<std::string> present;
    collectKeys(configuration, "leasehold", present);
    for (const auto& key : present)
    {
        bool allowed = known.contains(key);
        for (const auto& prefix : leftAlone)
            allowed = allowed || key.starts_with(prefix);
        if (!allowed)
            throw LockConfigurationError("the key " + key + " is not known here: the nearest known key is " + nearestKey(key, known) +
                                         "; correct or remove it");
    }
}

} // namespace

void StoreRegistry::add(std::string type, Creator creator)
{
    // "type" itself would make leasehold.store.type both a value and a section.
    if (!isPlainWord(type) || type == "type")
        throw LockConfigurationError("a store cannot be registered as \"" + redactUrl(type) +
                                     "\": allowed is a word of the characters a-z, 0-9 and _, other than type");
    if (!creator)
        throw LockConfigurationError("the store \"" + type + "\" was registered without a creator: give it one");
    if (_creators.contains(type))
        throw LockConfigurationError("the store \"" + type + "\" is registered already: register each type once");
    _creators.emplace(std::move(type), std::move(creator));
}

void StoreRegistry::addBackoff(std::string type, BackoffCreator creator)
{
    if (!isPlainWord(type))
        throw LockConfigurationError("a backoff cannot be registered as \"" + redactUrl(type) +
                                     "\": allowed is a word of the characters a-z, 0-9 and _");
    if (!creator)
        throw LockConfigurationError("the backoff \"" + type + "\" was registered without a creator: give it one");
    if (type == "jittered" || type == "fixed" || _backoffs.contains(type))
        throw LockConfigurationError("the backoff \"" + type + "\" is registered already: register each type once");
    _backoffs.emplace(std::move(type), std::move(creator));
}

StoreRegistry::Made StoreRegistry::make(const Poco::Util::AbstractConfiguration& configuration, const std::string& secretRefusal) const
{
    StoreSettings chosen(configuration, "leasehold.store.");
    const auto type = chosen.optionalText("type");
    if (!type)
        throw LockConfigurationError(std::string(typeKey) + " is missing: set it to the store to use, one of: " + listed(types()));
    const auto creator = _creators.find(*type);
    if (creator == _creators.end())
        chosen.refuse("type", *type, "one of: " + listed(types()));

    auto read = PolicySettings::read(configuration, _backoffs);
    StoreSettings settings(configuration, "leasehold.store." + *type + ".");
    if (!secretRefusal.empty())
        settings.refuseSecrets(secretRefusal);
    Made made{creator->second(settings), std::move(read.keys)};
    if (!made.store)
        throw LockConfigurationError(std::string(typeKey) + " = \"" + *type +
                                     "\": the creator of that store made none; it must return one");

    made.keys.emplace(typeKey, "");
    for (const auto& [key, fallback] : settings.defaults())
        made.keys.emplace(settings.fullName(key), fallback);
    std::vector<std::string> leftAlone;
    for (const auto& other : types())
    {
        if (other != *type)
            leftAlone.push_back("leasehold.store." + other + ".");
    }
    refuseUnknownKeys(configuration, made.keys, leftAlone);
    return made;
}

std::shared_ptr<LockStore> StoreRegistry::create(const Poco::Util::AbstractConfiguration& configuration) const
{
    return make(configuration, {}).store;
}

std::map<std::string, std::string> StoreRegistry::knownKeys(const Poco::Util::AbstractConfiguration& configuration) const
{
    return make(configuration, {}).keys;
}

std::shared_ptr<LockStore> StoreRegistry::open(std::string_view url, UrlCredentials credentials) const
{
    const std::string advice = "may not stand in a store URL, where ps and logs show it: put it into a configuration file";
    const auto parsed = StoreUrl::parse(url);
    if (!_creators.contains(parsed.type))
        throw LockConfigurationError("the store URL \"" + redactUrl(url) + "\" names the store \"" + parsed.type +
                                     "\", which is not known: allowed is one of: " + listed(types()));
    const bool refused = credentials == UrlCredentials::refused;
    if (refused && parsed.hasCredentials)
        throw LockConfigurationError("the store URL \"" + redactUrl(url) + "\" contains a user or a password, which " + advice);

    Poco::AutoPtr<Poco::Util::MapConfiguration> configuration(new Poco::Util::MapConfiguration);
    configuration->setString(typeKey, parsed.type);
    for (const auto& [key, value] : parsed.settings)
        configuration->setString("leasehold.store." + parsed.type + "." + key, value);
    return make(*configuration, refused ? advice : std::string{}).store;
}

LockPolicy StoreRegistry::policy(const Poco::Util::AbstractConfiguration& configuration) const
{
    auto read = PolicySettings::read(configuration, _backoffs);
    // Only create can tell which keys of the stores are right.
    refuseUnknownKeys(configuration, read.keys, {"leasehold.store."});
    read.policy.validate();
    return read.policy;
}

std::vector<std::string> StoreRegistry::types() const
{
    std::vector<std::string> types;
    for (const auto& [type, unused] : _creators)
        types.push_back(type);
    return types;
}

} // namespace Leasehold
