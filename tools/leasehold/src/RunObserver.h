#pragma once

#include "Wakeup.h"

#include "Leasehold/LockObserver.h"

#include <mutex>
#include <optional>
#include <string>

namespace Leasehold::Tool
{

/// What `run` must know of its lock while the service's threads keep it. The service tells; the main thread is woken, and asks.
class RunObserver : public LockObserver
{
public:
    explicit RunObserver(Wakeup& wakeup) : _wakeup(wakeup) {}

    /// Who was seen to hold the lock last, while it is waited for.
    std::optional<LockRecord> holder() const;
    std::optional<LossReason> loss() const;

    void waited(const std::string& name, const LockRecord& holder, Elapsed soFar) override;
    void renewed(const std::string& name, Fence fence, Elapsed took) override;
    void renewalFailed(const std::string& name, Fence fence, const std::string& why, Milliseconds leftOfTheLease) override;
    void lost(const std::string& name, Fence fence, LossReason reason) override;
    void releaseFailed(const std::string& name, Fence fence, const std::string& why) override;

private:
    Wakeup& _wakeup;
    mutable std::mutex _mutex;
    std::optional<LockRecord> _holder;
    std::optional<LossReason> _loss;
    bool _troubled = false; // of the notifier's thread: one line an outage
};

} // namespace Leasehold::Tool
