#pragma once

#include "Leasehold/Store/StoreRegistry.h"

#include <map>
#include <string>
#include <string_view>

namespace Leasehold
{

/// The parts of a store URL.
struct StoreUrl
{
    std::map<std::string, std::string> settings{}; ///< the store's keys, without a prefix
    bool hasPassword = false;                      ///< the URL has a [USER]:PASSWORD@

    /// Throws LockConfigurationError unless the URL has this form. The message shows no user, password or query.
    static StoreUrl parse(std::string_view url, const StoreUrlForm& form);
};

/// The text before the first colon of a URL. Throws LockConfigurationError, which names the allowed `forms`, if it is not a scheme.
std::string schemeOf(std::string_view url, const std::string& forms);

/// The form as help texts show it: `sqlite:///PATH`.
std::string describeForm(const StoreUrlForm& form);

/// The URL for messages: without user, password and query, even if it is malformed, without unprintable characters, and of limited
/// length.
std::string redactUrl(std::string_view url);

/// Whether the text may name a type of store or of back-off: one or more of a-z, 0-9 and _.
bool isPlainWord(std::string_view text);

/// Whether the text may be the scheme of a URL: plain words with + between them.
bool isScheme(std::string_view text);

} // namespace Leasehold
