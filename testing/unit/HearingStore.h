#pragma once

#include "Leasehold/FaultyLockStore.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace Leasehold
{

/// A store with a feed whose events the test sends.
class HearingStore : public FaultyLockStore
{
public:
    using FaultyLockStore::FaultyLockStore;

    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& given) override
    {
        sink = &given;
        return std::make_unique<Feed>(*this);
    }

    std::set<std::string> watched() const
    {
        const std::lock_guard guard(_mutex);
        return _watched;
    }

    ReleaseSink* sink = nullptr; // nullptr: there is no feed

private:
    struct Feed : ReleaseFeed
    {
        explicit Feed(HearingStore& owner) : store(owner) {}
        ~Feed() override { store.sink = nullptr; }
        void watch(const std::string& name) override
        {
            const std::lock_guard guard(store._mutex);
            store._watched.insert(name);
        }
        void unwatch(const std::string& name) override
        {
            const std::lock_guard guard(store._mutex);
            store._watched.erase(name);
        }
        HearingStore& store;
    };

    mutable std::mutex _mutex;
    std::set<std::string> _watched;
};

} // namespace Leasehold
