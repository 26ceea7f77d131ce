#include "StoreChoice.h"

#include "BuiltStores.h"
#include "FullProgram.h"
#include "Messages.h"
#include "UsageError.h"
#include "registerToolStores.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/loadConfiguration.h"

#include <Poco/Util/AbstractConfiguration.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <pwd.h>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

constexpr const char* systemFile = "/etc/leasehold.properties";

constexpr std::array options = {
    OptionSpec{"--store", "URL", "where the locks are kept, as one of the URLs below"},
    OptionSpec{"--config", "FILE", "a properties file with the store and the policy (leasehold.store.*, leasehold.policy.*)"},
};

std::string environment(const char* name)
{
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::string home()
{
    auto folder = environment("HOME");
    if (folder.empty())
        if (const passwd* const user = ::getpwuid(::getuid()))
            folder = user->pw_dir;
    if (folder.empty() || folder[0] != '/')
        throw LockConfigurationError(
            "there is no store to use: give one with --store URL, --config FILE or LEASEHOLD_STORE (the user's own "
            "store cannot be used, because the user has no home directory)");
    return folder;
}

/// The path of the user's own store. Creates its folder.
std::string ownStore()
{
    if (userStore.empty())
        throw LockConfigurationError("no store is configured: give one with --store URL, --config FILE or LEASEHOLD_STORE");
    auto base = environment("XDG_STATE_HOME");
    if (base.empty() || base[0] != '/')
        base = home() + "/.local/state";
    const auto folder = base + "/leasehold";
    std::error_code error;
    if (std::filesystem::create_directories(folder, error))
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    if (error)
        throw LockConfigurationError("the folder " + folder + " of the user's own store cannot be made (" + error.message() +
                                     "): make it, or give a store with --store URL, --config FILE or LEASEHOLD_STORE");
    return folder + "/locks.db";
}

/// The URL of the user's own store.
std::string pathUrl(const std::string& path)
{
    std::string url(userStore);
    url += ':';
    for (const char c : path)
        if (c == '%' || c == '?' || c == '#')
            url += c == '%' ? "%25" : c == '?' ? "%3F" : "%23";
        else
            url += c;
    return url;
}

bool isKnown(const StoreRegistry& registry, const std::string& type)
{
    const auto types = registry.types();
    return std::find(types.begin(), types.end(), type) != types.end();
}

void refuseStoreOfOneProcess(const ChosenStore& chosen)
{
    const auto type = chosen.store->info().type;
    std::string others;
    bool isRefused = false;
    for (const auto& store : builtStores)
    {
        isRefused = isRefused || (store.isOfOneProcess && store.type == type);
        if (!store.isOfOneProcess)
            others.append(others.empty() ? "" : ", ").append(store.type);
    }
    if (isRefused)
        throw LockConfigurationError("a store of type \"" + type +
                                     "\" is of no use to this program: no other process sees its locks; use one of: " + others);
}

ChosenStore openUrl(const StoreRegistry& registry, const std::string& url, UrlCredentials credentials,
                    const std::vector<std::string>& words)
{
    if (const auto scheme = url.substr(0, url.find(':')); !registry.urls().contains(scheme))
        FullProgram::takeOver(scheme, words);
    return {registry.open(url, credentials), LockPolicy{}};
}

ChosenStore openFile(const StoreRegistry& registry, const std::string& path, const std::vector<std::string>& words)
{
    const auto configuration = loadConfiguration(path);
    if (const auto type = configuration->getString("leasehold.store.type", ""); !type.empty() && !isKnown(registry, type))
        FullProgram::takeOver(type, words);
    auto policy = registry.policy(*configuration);
    return {registry.create(*configuration), std::move(policy)};
}

ChosenStore choose(const StoreRegistry& registry, const CommandLine& commandLine, bool quiet, const std::vector<std::string>& words)
{
    const auto url = commandLine.value("--store");
    const auto file = commandLine.value("--config");
    if (url && file)
        throw UsageError("--store and --config are both given: one says which store to use");
    if (url)
        return openUrl(registry, *url, UrlCredentials::refused, words);
    if (file)
        return openFile(registry, *file, words);
    if (const auto fromEnvironment = environment("LEASEHOLD_STORE"); !fromEnvironment.empty())
        return openUrl(registry, fromEnvironment, UrlCredentials::allowed, words);
    if (std::error_code ignored; std::filesystem::exists(systemFile, ignored))
        return openFile(registry, systemFile, words);
    const auto path = ownStore();
    if (!quiet)
        Messages::say("no store is configured: this user's own is used, " + path);
    return openUrl(registry, pathUrl(path), UrlCredentials::refused, words);
}

} // namespace

std::span<const OptionSpec> storeOptions()
{
    return options;
}

ChosenStore chooseStore(const CommandLine& commandLine, bool quiet, const std::vector<std::string>& words)
{
    StoreRegistry registry;
    registerToolStores(registry);
    auto chosen = choose(registry, commandLine, quiet, words);
    refuseStoreOfOneProcess(chosen);
    return chosen;
}

} // namespace Leasehold::Tool
