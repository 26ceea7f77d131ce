#pragma once

#include "Leasehold/BrokenStore.h"
#include "Leasehold/ReferenceStorage.h"
#include "Leasehold/StorageCapabilities.h"
#include "Leasehold/StoreHarness.h"

#include <memory>

namespace Leasehold
{

/// A ReferenceStorage, with views that `open` makes. It has every capability except processes.
class ReferenceHarness : public StoreHarness,
                         public VirtualTime,
                         public WallClockSteps,
                         public ClockAhead,
                         public StorageRestart,
                         public HostReboot,
                         public StorageLoss,
                         public StorageBackup,
                         public NewerSchema,
                         public Outage
{
public:
    using Open = decltype(BrokenStore::open);

    explicit ReferenceHarness(Open open) : _open(std::move(open)) {}

    std::shared_ptr<LockStore> openStore() override { return _open(_storage); }
    void advance(Milliseconds span) override { _storage->advance(span); }
    Milliseconds shortTtl() const override { return std::chrono::seconds{30}; }
    void stepWallClock(Milliseconds by) override { _storage->stepWallClock(by); }
    void pretendClockWasAhead(const std::string& name, Milliseconds by) override { _storage->pretendClockWasAhead(name, by); }
    void restartStorage() override { _storage->restart(); }
    void rebootHost(Milliseconds away) override { _storage->rebootHost(away); }
    void emptyStorage() override { _storage->empty(); }
    void backUp() override { _storage->backUp(); }
    void restoreBackup() override { _storage->restoreBackup(); }
    void writeNewerSchema() override { _storage->setSchema(2); }
    void cutOff() override { _storage->setCutOff(true); }
    void reconnect() override { _storage->setCutOff(false); }
    bool setFeedDeaf(bool deaf) override
    {
        deaf ? _storage->feeds().deafen("a test wants it so") : _storage->feeds().hearAgain();
        return true;
    }
    Milliseconds feedDeadline() const override { return Milliseconds{200}; } // its feeds tell before release returns

private:
    const Open _open;
    const std::shared_ptr<ReferenceStorage> _storage = std::make_shared<ReferenceStorage>();
};

} // namespace Leasehold
