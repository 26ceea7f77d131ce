#include "Leasehold/Store/StoreRegistry.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/Store/StoreSettings.h"
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

// Every key below `base` that has a value. A key with others below it counts only in a flat configuration: an XML or JSON one would
// return the content of its children as its value.
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

std::string listed(const std::vector<std::string>& words)
{
    std::string list;
    for (const auto& word : words)
        list += (list.empty() ? "" : ", ") + word;
    return list.empty() ? "none is registered" : list;
}

// Refuses keys that are neither known nor below a prefix of `leftAlone`.
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
        if (const auto renamed = PolicySettings::renamed(key); !allowed && !renamed.empty())
            throw LockConfigurationError("the key " + key + " has a new name: write " + renamed);
        if (!allowed)
            throw LockConfigurationError("the key " + key + " is not known here: the nearest known key is " + nearestKey(key, known) +
                                         "; correct or remove it");
    }
}

} // namespace

void StoreRegistry::add(std::string type, Creator creator)
{
    add(type, std::move(creator), {{.scheme = type, .path = "path"}});
}

void StoreRegistry::add(std::string type, Creator creator, std::vector<StoreUrlForm> urls)
{
    // "type" itself would make leasehold.store.type both a value and a section.
    if (!isPlainWord(type) || type == "type")
        throw LockConfigurationError("a store cannot be registered as \"" + redactUrl(type) +
                                     "\": allowed is a word of the characters a-z, 0-9 and _, other than type");
    if (!creator)
        throw LockConfigurationError("the store \"" + type + "\" was registered without a creator: give it one");
    if (_creators.contains(type))
        throw LockConfigurationError("the store \"" + type + "\" is registered already: register each type once");
    auto all = _urls;
    for (auto& form : urls)
    {
        const auto scheme = form.scheme;
        if (!isScheme(scheme))
            throw LockConfigurationError("the store \"" + type + "\" was registered with the URL scheme \"" + redactUrl(scheme) +
                                         "\": allowed are words of the characters a-z, 0-9 and _ with + between them");
        if (!all.emplace(scheme, OpenedBy{type, std::move(form)}).second)
            throw LockConfigurationError("the URL scheme \"" + scheme + "\" of the store \"" + type +
                                         "\" is registered already: register each scheme once");
    }
    _urls = std::move(all);
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
    std::vector<std::string> forms;
    for (const auto& [scheme, form] : urls())
        forms.push_back(form);
    const auto scheme = schemeOf(url, "one of: " + listed(forms));
    const auto known = _urls.find(scheme);
    if (known == _urls.end())
        throw LockConfigurationError("the store URL \"" + redactUrl(url) + "\" begins with \"" + scheme +
                                     "\", which is not known: allowed is one of: " + listed(forms));
    const auto& [type, form] = known->second;
    const auto parsed = StoreUrl::parse(url, form);
    const bool refused = credentials == UrlCredentials::refused;
    if (refused && parsed.hasPassword)
        throw LockConfigurationError("the store URL \"" + redactUrl(url) + "\" contains a password, which " + advice);

    Poco::AutoPtr<Poco::Util::MapConfiguration> configuration(new Poco::Util::MapConfiguration);
    configuration->setString(typeKey, type);
    for (const auto& [key, value] : parsed.settings)
        configuration->setString("leasehold.store." + type + "." + key, value);
    return make(*configuration, refused ? advice : std::string{}).store;
}

LockPolicy StoreRegistry::policy(const Poco::Util::AbstractConfiguration& configuration) const
{
    auto read = PolicySettings::read(configuration, _backoffs);
    // Only create() knows the allowed keys of the stores.
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

std::map<std::string, std::string> StoreRegistry::urls() const
{
    std::map<std::string, std::string> urls;
    for (const auto& [scheme, opened] : _urls)
        urls.emplace(scheme, describeForm(opened.form));
    return urls;
}

} // namespace Leasehold
