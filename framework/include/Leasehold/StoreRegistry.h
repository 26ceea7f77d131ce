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

/// The kinds of store that a configuration may name. An application fills one (registerBuiltinStores, and its own with one
/// line) and asks it for the store that its configuration chooses. No global state: the registry is the application's.
class StoreRegistry
{
public:
    using Creator = std::function<std::shared_ptr<LockStore>(StoreSettings&)>;

    /// Throws LockConfigurationError if the type is registered already or is no plain word (a-z, 0-9, _).
    void add(std::string type, Creator creator);

    /// The store that `leasehold.store.type` names, made from `leasehold.store.TYPE.*`. Throws LockConfigurationError for
    /// an unknown type (it lists the known ones), a bad value, and any key under `leasehold.` that nobody asked for (it
    /// names the nearest known key). Keys of other registered stores are allowed to stay in the file.
    std::shared_ptr<LockStore> create(const Poco::Util::AbstractConfiguration& configuration) const;

    /// The store of a URL: "memory:", "sqlite:///path", "elasticsearch+https://host:9200/index?key=value". The same settings
    /// as in a configuration; credentials in it are refused unless `allowCredentials`.
    std::shared_ptr<LockStore> open(std::string_view url) const;

    /// The policy that `leasehold.policy.*` describes, validated. The same checks of keys as in create.
    LockPolicy policy(const Poco::Util::AbstractConfiguration& configuration) const;

    /// Makes another kind of backoff known to `leasehold.policy.wait.backoff.type` and `.retry.backoff.type`; "jittered" and
    /// "fixed" are known. Throws as `add` does.
    using BackoffCreator = std::function<std::shared_ptr<const Backoff>(StoreSettings&)>;
    void addBackoff(std::string type, BackoffCreator creator);

    /// The registered types, sorted.
    std::vector<std::string> types() const;

private:
    std::map<std::string, Creator> _creators;
    std::map<std::string, BackoffCreator> _backoffs;
};

} // namespace Leasehold
