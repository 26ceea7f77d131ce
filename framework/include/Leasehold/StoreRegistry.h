#pragma once

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

/// Whether a store URL may carry a password or a key: where it comes from a command line it shows in `ps`, and where it is
/// stored it gets logged.
enum class UrlCredentials
{
    refused,
    allowed
};

/// The kinds of store that a configuration may name. An application fills one (registerBuiltinStores, and its own with one
/// line) and asks it for the store that its configuration chooses. No global state: the registry is the application's.
class StoreRegistry
{
public:
    using Creator = std::function<std::shared_ptr<LockStore>(StoreSettings&)>;

    /// Throws LockConfigurationError if the type is registered already, is no plain word (a-z, 0-9, _), or is "type". The creator
    /// must ask for every key that its store knows, must not touch the storage, and must not return an empty pointer.
    void add(std::string type, Creator creator);

    /// The store that `leasehold.store.type` names, made from `leasehold.store.TYPE.*`. Throws LockConfigurationError for
    /// an unknown type (it lists the known ones), a bad value, and any key under `leasehold.` that nobody asked for (it
    /// names the nearest known key). Keys of other registered stores may stay in the file, so that changing the store is one
    /// changed line; they are not checked, since only the creator of that store knows them. The policy's keys and values are
    /// checked as well.
    std::shared_ptr<LockStore> create(const Poco::Util::AbstractConfiguration& configuration) const;

    /// The store of a URL, which is turned into the settings of a configuration. The same rule for every type:
    ///
    ///     TYPE:                               no settings                             memory:
    ///     TYPE:///PATH or TYPE:PATH           path                                    sqlite:///var/lib/locks.db
    ///     TYPE+SCHEME://HOST[:PORT]/INDEX     url = SCHEME://HOST[:PORT], and index   elasticsearch+https://es-1:9200/leasehold
    ///     ...?KEY=VALUE&KEY=VALUE             each KEY                                sqlite:///locks.db?durability=normal
    ///
    /// Several hosts are separated by commas: url is then the list of them, each with the scheme. %XX is decoded in the path, the
    /// index and the values. USER:PASSWORD@ gives user and password; it and every secret key are refused unless `credentials`
    /// allows them. A key given twice, an unknown key and a fragment are errors. No message shows user, password or query.
    std::shared_ptr<LockStore> open(std::string_view url, UrlCredentials credentials = UrlCredentials::refused) const;

    /// The policy that `leasehold.policy.*` describes, validated. An unknown key under `leasehold.` is refused as in create;
    /// those under `leasehold.store.` are left to create, which alone knows them.
    LockPolicy policy(const Poco::Util::AbstractConfiguration& configuration) const;

    /// Every key that create and policy accept for this configuration, by its whole name, with its default as a file would write
    /// it (empty: none). For documentation and its tests. Throws as create does.
    std::map<std::string, std::string> knownKeys(const Poco::Util::AbstractConfiguration& configuration) const;

    /// Makes another kind of backoff known to `leasehold.policy.wait.backoff.type` and `.retry.backoff.type`; "jittered" and
    /// "fixed" are known. Throws as `add` does. Its creator must ask for every key that it knows.
    using BackoffCreator = std::function<std::shared_ptr<const Backoff>(StoreSettings&)>;
    void addBackoff(std::string type, BackoffCreator creator);

    /// The registered types, sorted.
    std::vector<std::string> types() const;

private:
    struct Made
    {
        std::shared_ptr<LockStore> store{};
        std::map<std::string, std::string> keys{};
    };
    Made make(const Poco::Util::AbstractConfiguration& configuration, const std::string& secretRefusal) const;

    std::map<std::string, Creator> _creators;
    std::map<std::string, BackoffCreator> _backoffs;
};

} // namespace Leasehold
