#include "Leasehold/ManualClock.h"
#include "Leasehold/MemoryLockStore.h"
#include "Leasehold/registerConformance.h"

#include <atomic>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// A clock that can be set back. (The clock of production never is.)
class SteppedClock final : public ManualClock
{
public:
    time_point now() const noexcept override { return ManualClock::now() + duration(_ahead.load()); }
    void stepBack(duration by) { _ahead -= by.count(); }

private:
    std::atomic<LocalClock::rep> _ahead{0};
};

/// All views share one store, because the storage is the object. It has no restart, no loss and no outage.
class MemoryHarness : public StoreHarness, public VirtualTime, public WallClockSteps, public ClockAhead
{
public:
    std::shared_ptr<LockStore> openStore() override { return _store; }
    Milliseconds shortTtl() const override { return 30s; }

    void advance(Milliseconds span) override
    {
        _clock->advance(span);
        _wall += std::chrono::microseconds(span).count();
    }

    void stepWallClock(Milliseconds by) override { _wall += std::chrono::microseconds(by).count(); }
    void pretendClockWasAhead(const std::string&, Milliseconds by) override { _clock->stepBack(by); }

private:
    const std::shared_ptr<SteppedClock> _clock = std::make_shared<SteppedClock>();
    std::atomic<std::int64_t> _wall{1'800'000'000'000'000};
    const std::shared_ptr<LockStore> _store = std::make_shared<MemoryLockStore>(_clock, [this] { return _wall.load(); });
};

const bool registered = registerConformance<MemoryHarness>("memory");

} // namespace
} // namespace Leasehold
