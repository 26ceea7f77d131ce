#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/StoreVerb.h"

#include <limits>
#include <memory>

namespace Leasehold
{

/// Wraps another store, fails when a test says so, and counts the calls. Without faults the inner store answers.
///
///     faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::after, 1);
///
/// A verb has one fault at a time: a new one replaces the one before. Thread-safe.
class LEASEHOLD_EXPORT FaultyLockStore : public LockStore
{
public:
    /// What a failing call throws.
    enum class Trouble
    {
        unavailable, ///< LockStoreUnavailable
        error        ///< LockStoreError
    };

    /// How far a failing call came.
    enum class When
    {
        before, ///< the storage never saw the call
        after   ///< the call took effect, and its answer is lost
    };

    /// Until cleared.
    static constexpr std::size_t always = std::numeric_limits<std::size_t>::max();

    /// Without faults at first.
    explicit FaultyLockStore(std::shared_ptr<LockStore> inner);
    ~FaultyLockStore() override;

    /// The next `calls` calls of this verb throw.
    void fail(StoreVerb verb, Trouble trouble, When when = When::before, std::size_t calls = always);

    /// In the next `calls` calls of renew, the items of lock `name` (empty: of all locks) are answered `status` and do not reach the
    /// storage; the others do. `lost` simulates a storage that forgot the lease, `unavailable` and `failed` an error of single items.
    /// `renewed` is a lie: the lease was not renewed.
    void answerRenewals(RenewStatus status, std::size_t calls = always, std::string name = {});

    /// Ends the fault of this verb; for renew, also that of answerRenewals.
    void clear(StoreVerb verb);
    /// Ends all faults.
    void clear();

    /// How many calls of this verb began so far, failed ones included.
    std::size_t calls(StoreVerb verb) const;

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
    auto call(StoreVerb verb, Call inner);
    std::vector<RenewReply> renewOrAnswer(std::span<const RenewRequest> requests, const CallContext& context);

    const std::shared_ptr<LockStore> _inner;
    const std::unique_ptr<State> _state;
};

} // namespace Leasehold
