#pragma once

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/Store/StoreRegistry.h"

#include <Poco/AutoPtr.h>
#include <Poco/Util/MapConfiguration.h>

#include <map>
#include <memory>
#include <string>

namespace Leasehold
{

/// One store that is registered in a registry of its own, and created from settings or a URL as an application does it.
struct ConfiguredStore
{
    /// Settings without the prefix `leasehold.store.TYPE.`.
    using Keys = std::map<std::string, std::string>;

    void (*registerStore)(StoreRegistry&);
    std::string type;

    std::shared_ptr<LockStore> create(const Keys& keys) const
    {
        StoreRegistry registry;
        registerStore(registry);
        Poco::AutoPtr<Poco::Util::MapConfiguration> configuration(new Poco::Util::MapConfiguration);
        configuration->setString("leasehold.store.type", type);
        for (const auto& [key, value] : keys)
            configuration->setString("leasehold.store." + type + "." + key, value);
        return registry.create(*configuration);
    }

    std::shared_ptr<LockStore> open(const std::string& url) const
    {
        StoreRegistry registry;
        registerStore(registry);
        return registry.open(url);
    }

    /// The message of the refusal; empty: the keys are accepted.
    std::string refusalOf(const Keys& keys) const
    {
        return refusalBy([&] { create(keys); });
    }

    /// The message of the LockConfigurationError; empty: there is none.
    template <typename Work>
    static std::string refusalBy(const Work& work)
    {
        try
        {
            work();
        }
        catch (const LockConfigurationError& error)
        {
            return error.message();
        }
        return {};
    }
};

} // namespace Leasehold
