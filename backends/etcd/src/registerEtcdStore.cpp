#include "Leasehold/EtcdLockStore.h"

#include "net/HttpNode.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/Store/StoreSettings.h"

#include <algorithm>

namespace Leasehold
{

namespace
{

constexpr std::size_t longestPrefix = 200;

std::vector<std::string> splitAtCommas(const std::string& text)
{
    std::vector<std::string> parts;
    std::size_t start = 0;
    for (;;)
    {
        const auto end = text.find(',', start);
        const std::string part = text.substr(start, end == std::string::npos ? end : end - start);
        const auto first = part.find_first_not_of(" \t");
        const auto last = part.find_last_not_of(" \t");
        parts.push_back(first == std::string::npos ? std::string() : part.substr(first, last - first + 1));
        if (end == std::string::npos)
            return parts;
        start = end + 1;
    }
}

bool isPrefix(const std::string& text)
{
    const auto isAllowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == '/'; };
    return !text.empty() && text.size() <= longestPrefix && std::all_of(text.begin(), text.end(), isAllowed) && text.front() != '/' &&
           text.back() != '/' && text.find("//") == std::string::npos;
}

std::shared_ptr<LockStore> createEtcdStore(StoreSettings& settings)
{
    // Read all keys before checking one: a key that was not read would be reported as unknown.
    const auto urls = settings.text("url");
    const auto prefix = settings.text("prefix", "leasehold");
    const auto user = settings.optionalText("user");
    const auto password = settings.secret("password");
    const auto caFile = settings.optionalText("ca_file");
    const auto clientCertificateFile = settings.optionalText("client_certificate_file");
    const auto clientKeyFile = settings.optionalText("client_key_file");
    const auto maxTxnOps = settings.number("max_txn_ops", 128, 32, 100'000);

    if (urls.find('@') != std::string::npos)
        Net::HttpNode::refuseCredentials(settings.fullName("url"));
    if (!isPrefix(prefix))
        settings.refuse("prefix", prefix, "up to 200 of A-Z, a-z, 0-9, '.', '_', '-' and single '/' between them");
    if (user.has_value() != password.has_value())
        throw LockConfigurationError(settings.fullName(user ? "user" : "password") + " is set without " +
                                     settings.fullName(user ? "password" : "user") + ": set both or neither");

    EtcdOptions options;
    options.nodes = splitAtCommas(urls);
    options.prefix = prefix;
    options.user = user.value_or("");
    options.password = password.value_or("");
    options.caFile = settings.resolvePath(caFile.value_or(""));
    options.clientCertificateFile = settings.resolvePath(clientCertificateFile.value_or(""));
    options.clientKeyFile = settings.resolvePath(clientKeyFile.value_or(""));
    options.maxTxnOps = static_cast<std::size_t>(maxTxnOps);
    return std::make_shared<EtcdLockStore>(options);
}

} // namespace

void registerEtcdStore(StoreRegistry& registry)
{
    registry.add("etcd", createEtcdStore,
                 {{.scheme = "etcd+https", .hosts = "url", .hostPrefix = "https://", .path = "prefix"},
                  {.scheme = "etcd+http", .hosts = "url", .hostPrefix = "http://", .path = "prefix"}});
}

} // namespace Leasehold
