#pragma once

#include <map>
#include <string>
#include <string_view>

namespace Leasehold
{

/// A store URL taken apart by the rule that StoreRegistry::open states. Keys are those of the store, without a prefix.
struct StoreUrl
{
    std::string type{};
    std::map<std::string, std::string> settings{};
    bool hasCredentials = false; ///< it had a USER[:PASSWORD]@

    /// Throws LockConfigurationError; the message shows neither user nor password nor query.
    static StoreUrl parse(std::string_view url);
};

/// The URL for messages: without user, password, query and unprintable characters, and not too long.
std::string redactUrl(std::string_view url);

/// Whether the text may name a type of store or of backoff: a-z, 0-9, _, and at least one of them.
bool isPlainWord(std::string_view text);

} // namespace Leasehold
