#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/StoreVerb.h"

#include <memory>

namespace Leasehold
{

/// Wraps another store and sets the order of calls in a test. Each verb has a gate. A call waits at a closed gate until the test lets it
/// go on, it is cancelled, or its deadline passes (the last two throw LockStoreUnavailable).
///
///     gated->close(StoreVerb::renew);
///     clock->advance(10s);                                        // the keeper sends a renewal
///     CPPUNIT_ASSERT(gated->waitForArrival(StoreVerb::renew));    // it waits at the gate: the store "hangs"
///     clock->advance(20s);                                        // a call at a gate counts as waiting
///     gated->open(StoreVerb::renew);
///
/// All gates are open at first. Thread-safe. Must outlive the calls.
class LEASEHOLD_EXPORT GatedLockStore : public LockStore
{
public:
    /// The place of a verb's gate.
    enum class Side
    {
        before, ///< the storage has not seen the call
        after   ///< the call took effect, its answer is on the way
    };

    /// Calls wait by `clock`, which must be the one of their contexts.
    GatedLockStore(std::shared_ptr<LockStore> inner, std::shared_ptr<const TimeSource> clock);
    ~GatedLockStore() override;

    /// From now on calls of this verb wait at the gate.
    void close(StoreVerb verb, Side side = Side::before);

    /// Lets all calls at the gate go on, and later ones pass.
    void open(StoreVerb verb);

    /// Lets the call go on that has waited longest; the gate stays closed. False if no call waits there.
    bool letOneGo(StoreVerb verb);

    /// True as soon as `calls` calls of this verb wait at its gate; false if that does not happen within `limit` of real time.
    [[nodiscard]] bool waitForArrival(StoreVerb verb, std::size_t calls = 1, Milliseconds limit = std::chrono::seconds{10});

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override;
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override;

private:
    struct State;

    template <typename Call>
    auto through(StoreVerb verb, const CallContext& context, Call call);
    void standAt(StoreVerb verb, Side side, const CallContext& context);

    const std::shared_ptr<LockStore> _inner;
    const std::shared_ptr<const TimeSource> _clock;
    const std::unique_ptr<State> _state;
};

} // namespace Leasehold
