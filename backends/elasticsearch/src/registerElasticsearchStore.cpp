#include "Leasehold/ElasticsearchLockStore.h"

#include "net/HttpNode.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/Store/StoreSettings.h"

#include <algorithm>

namespace Leasehold
{

using namespace Elasticsearch;

namespace
{

std::vector<std::string> splitAtCommas(const std::string& text)
{
    std::vector<std::string> parts;
    std::size_t start = 0;
    for (;;)
    {
        const auto end = text.find(',', start);
        std::string part = text.substr(start, end == std::string::npos ? end : end - start);
        const auto first = part.find_first_not_of(" \t");
        const auto last = part.find_last_not_of(" \t");
        parts.push_back(first == std::string::npos ? std::string() : part.substr(first, last - first + 1));
        if (end == std::string::npos)
            return parts;
        start = end + 1;
    }
}

bool isIndexName(const std::string& name)
{
    const bool plain =
        std::all_of(name.begin(), name.end(),
                    [](unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'; });
    return plain && !name.empty() && name.size() <= 200 && name.front() != '-' && name.front() != '_' &&
           name.find_first_not_of('.') != std::string::npos;
}

} // namespace

void registerElasticsearchStore(StoreRegistry& registry)
{
    registry.add("elasticsearch",
                 [](StoreSettings& settings) -> std::shared_ptr<LockStore>
                 {
                     // Read all keys before checking one: a key that was not read would be reported as unknown.
                     const auto urls = settings.text("url");
                     const auto index = settings.text("index", "leasehold");
                     const auto user = settings.optionalText("user");
                     const auto password = settings.secret("password");
                     const auto apiKey = settings.secret("api_key");
                     const auto caFile = settings.optionalText("ca_file");
                     const auto clientCertificateFile = settings.optionalText("client_certificate_file");
                     const auto clientKeyFile = settings.optionalText("client_key_file");
                     const auto replicas = settings.number("replicas", 2, 0, 100);

                     // Check before splitting the text: a password may contain a comma.
                     if (urls.find('@') != std::string::npos)
                         Net::HttpNode::refuseCredentials(settings.fullName("url"));
                     if (!isIndexName(index))
                         settings.refuse("index", index, "up to 200 of a-z, 0-9, '.', '_' and '-', not beginning with '_' or '-'");
                     if (user.has_value() != password.has_value())
                         throw LockConfigurationError(settings.fullName(user ? "user" : "password") + " is set without " +
                                                      settings.fullName(user ? "password" : "user") + ": set both or neither");
                     if (user && apiKey)
                         throw LockConfigurationError(settings.fullName("api_key") + " and " + settings.fullName("user") +
                                                      " are both set: use one way to authenticate");
                     const auto hasControls = [](const std::optional<std::string>& text)
                     { return text && std::any_of(text->begin(), text->end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }); };
                     if (hasControls(user) || (user && user->find(':') != std::string::npos))
                         throw LockConfigurationError(settings.fullName("user") +
                                                      " cannot be used: allowed is a name without a colon and without control characters, "
                                                      "and the password under " +
                                                      settings.fullName("password"));
                     if (hasControls(apiKey))
                         settings.refuse("api_key", {}, "the encoded key as the engine returns it, on one line");

                     ElasticsearchOptions options;
                     options.nodes = splitAtCommas(urls);
                     options.index = index;
                     options.user = user.value_or("");
                     options.password = password.value_or("");
                     options.apiKey = apiKey.value_or("");
                     options.caFile = settings.resolvePath(caFile.value_or(""));
                     options.clientCertificateFile = settings.resolvePath(clientCertificateFile.value_or(""));
                     options.clientKeyFile = settings.resolvePath(clientKeyFile.value_or(""));
                     options.replicas = static_cast<int>(replicas);
                     return std::make_shared<ElasticsearchLockStore>(std::move(options));
                 },
                 {{.scheme = "elasticsearch+https", .hosts = "url", .hostPrefix = "https://", .path = "index"},
                  {.scheme = "elasticsearch+http", .hosts = "url", .hostPrefix = "http://", .path = "index"}});
}

} // namespace Leasehold
