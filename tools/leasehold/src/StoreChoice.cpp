#include "StoreChoice.h"

#include "FullProgram.h"
#include "Messages.h"
#include "UsageError.h"
#include "registerToolStores.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/StoreRegistry.h"
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
    OptionSpec{"--store", "URL", "where the locks are kept: sqlite:///PATH, elasticsearch+https://HOST:PORT/INDEX"},
    OptionSpec{"--config", "FILE", "a properties file that says it, and the policy (leasehold.store.*, leasehold.policy.*)"},
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

/// The user's own store; its folder is made.
std::string ownStore()
{
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

/// A path as a store URL carries it.
std::string pathUrl(const std::string& path)
{
    std::string url = "sqlite:";
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

std::string typeOfUrl(const std::string& url)
{
    return url.substr(0, url.find_first_of(":+"));
}

/// A lock in the memory of this program excludes nobody: no other program sees it.
void refuseMemory(const ChosenStore& chosen)
{
    if (chosen.store->info().type == "memory")
        throw LockConfigurationError("a store of type \"memory\" is of no use to this program: no other process sees its locks; use sqlite "
                                     "for the processes of one host, or elasticsearch");
}

ChosenStore openUrl(const StoreRegistry& registry, const std::string& url, UrlCredentials credentials,
                    const std::vector<std::string>& words)
{
    if (!isKnown(registry, typeOfUrl(url)))
        FullProgram::takeOver(words);
    return {registry.open(url, credentials), LockPolicy{}};
}

ChosenStore openFile(const StoreRegistry& registry, const std::string& path, const std::vector<std::string>& words)
{
    const auto configuration = loadConfiguration(path);
    if (!isKnown(registry, configuration->getString("leasehold.store.type", "")))
        FullProgram::takeOver(words);
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
    refuseMemory(chosen);
    return chosen;
}

} // namespace Leasehold::Tool
