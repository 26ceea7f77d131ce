#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/LockPolicy.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace Poco::Util
{
class AbstractConfiguration;
}

namespace Leasehold
{

class LockStore;
class StoreSettings;

/// Whether a store URL may contain a password or a key. A URL on a command line is visible in `ps`, and stored URLs get
/// logged.
enum class UrlCredentials
{
    refused, ///< a URL that carries one is an error
    allowed  ///< a URL may carry them
};

/// One form of a store's URLs: the keys of the store that its parts set. `sqlite:///PATH` is {.scheme = "sqlite", .path = "path"}.
///
///     SCHEME:[PATH]                          a form without hosts; SCHEME:///PATH is a path that begins with /
///     SCHEME://[HOST[:PORT],...][/PATH]      a form with hosts
///     SCHEME://[USER][:PASSWORD]@HOST...     the keys user and password
///     ...?KEY=VALUE&KEY=VALUE                each KEY
///
/// %XX is decoded everywhere but in the hosts. Errors: a key given twice, an unknown key, a fragment, an @ behind the hosts (write / in a
/// password as %2F). No message shows user, password or query.
struct StoreUrlForm
{
    std::string scheme{};                          ///< words of a-z, 0-9 and _ with + between them: "rediss+sentinel"
    std::string hosts{};                           ///< the key of the hosts, separated by commas; empty: the form has none
    std::string hostPrefix{};                      ///< put before each host: "https://"
    std::string path{};                            ///< the key of the path; empty: the form has none
    std::map<std::string, std::string> settings{}; ///< the keys that the scheme itself sets: {{"tls", "true"}}
};

/// The types of store that a configuration may name. An application fills a registry (registerBuiltinStores, and one line for its own
/// store) and gets the configured store from it. There is no global state: the application owns the registry.
class LEASEHOLD_EXPORT StoreRegistry
{
public:
    /// Makes a store from its settings.
    using Creator = std::function<std::shared_ptr<LockStore>(StoreSettings&)>;

    /// Throws LockConfigurationError if the type or a scheme is registered already, if the type is not a plain word (a-z, 0-9, _), or if it
    /// is "type". The creator must read every key of its store: so the registry learns the keys, their defaults and which are secret. It
    /// must not touch the storage, and must not return an empty pointer.
    void add(std::string type, Creator creator, std::vector<StoreUrlForm> urls);
    /// The same, with the one URL TYPE:///PATH for the key `path`.
    void add(std::string type, Creator creator);

    /// Makes the store that `leasehold.store.type` names, from the keys under `leasehold.store.TYPE`. Throws LockConfigurationError for an
    /// unknown type (it lists the known ones), an invalid value, and any unknown key under `leasehold` (it names the nearest known key).
    /// The file may have keys of other registered stores, so that changing the store changes one line; they are not checked, because only
    /// the creator of that store knows them. The policy's keys and values are checked too.
    std::shared_ptr<LockStore> create(const Poco::Util::AbstractConfiguration& configuration) const;

    /// The store of a URL. The registered form of its scheme turns the URL into the settings of a configuration. A password and every
    /// secret key are refused unless `credentials` allows them.
    std::shared_ptr<LockStore> open(std::string_view url, UrlCredentials credentials = UrlCredentials::refused) const;

    /// The validated policy of the keys under `leasehold.policy`. An unknown key under `leasehold` is refused as in create. Keys under
    /// `leasehold.store` are not checked, because only create knows them.
    LockPolicy policy(const Poco::Util::AbstractConfiguration& configuration) const;

    /// Every full key that create and policy accept for this configuration, with its default as in a file (empty: none). For documentation
    /// and its tests. Throws as create does.
    std::map<std::string, std::string> knownKeys(const Poco::Util::AbstractConfiguration& configuration) const;

    /// Makes a backoff from its settings.
    using BackoffCreator = std::function<std::shared_ptr<const Backoff>(StoreSettings&)>;
    /// Adds a type of back-off for `leasehold.policy.wait.backoff.type` and `leasehold.policy.retry.backoff.type`; "jittered" and "fixed"
    /// are built in. Throws as `add` does. Its creator must read every key that it knows.
    void addBackoff(std::string type, BackoffCreator creator);

    /// The registered types, sorted.
    std::vector<std::string> types() const;

    /// The forms of the URLs that open accepts, by scheme, as help texts show them: "sqlite" and "sqlite:///PATH".
    std::map<std::string, std::string> urls() const;

private:
    struct Made
    {
        std::shared_ptr<LockStore> store{};
        std::map<std::string, std::string> keys{};
    };
    Made make(const Poco::Util::AbstractConfiguration& configuration, const std::string& secretRefusal) const;

    struct OpenedBy
    {
        std::string type{};
        StoreUrlForm form{};
    };

    std::map<std::string, Creator> _creators;
    std::map<std::string, OpenedBy> _urls; // by scheme
    std::map<std::string, BackoffCreator> _backoffs;
};

} // namespace Leasehold
