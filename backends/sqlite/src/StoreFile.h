#pragma once

#include "ForkHandlers.h"
#include "HostClock.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/SQLiteLockStore.h"
#include "Leasehold/Store/BatchQueue.h"
#include "Leasehold/Store/ForkGuard.h"
#include "Leasehold/Store/VanishedStorageGuard.h"
#include "LockTable.h"
#include "StoreConnection.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

/// The file was removed or replaced while it was open. The present transaction is rolled back, and every lease in the file is lost.
class FileVanished : public LockStoreUnavailable
{
public:
    using LockStoreUnavailable::LockStoreUnavailable;

    Poco::Exception* clone() const override { return new FileVanished(*this); }
    void rethrow() const override { throw FileVanished(*this); }
};

/// The database file of one store: opens it, runs transactions, and notices when the file was removed or replaced.
///
/// One connection writes, because SQLite allows one writing transaction at a time. Another one reads, so that readers never wait for a
/// writer. Thread-safe.
class StoreFile final : private ForkHandlers::Member
{
public:
    using Work = std::function<void(LockTable&, const HostNow&)>;
    /// Sets the outcome of a step, or returns a grant that must be on the disk before the step gets it.
    using Judge = std::function<std::optional<AcquireReply>(BatchStep&, LockTable&, const HostNow&)>;

    /// `writing` orders the writing calls, and must outlive this object.
    StoreFile(SQLiteOptions options, BatchQueue& writing);
    ~StoreFile();
    StoreFile(const StoreFile&) = delete;
    StoreFile& operator=(const StoreFile&) = delete;

    const std::string& path() const { return _options.path; }

    /// Opens the file, and creates a missing one. Opens it for reading if this user may only read it.
    void makeReady(const CallContext& context);
    /// Carries out the steps of the batch in one transaction. Calls `judge` again for a step if the transaction must begin again. Throws
    /// FileVanished, and the exceptions of SQLite's failures.
    void write(Batch& batch, const Judge& judge);
    /// Runs `work` in a writing transaction of its own. Throws as above.
    void write(const CallContext& context, const Work& work) { perform(_writing, context, work); }
    /// Runs `work` on one consistent state of the file. Throws as above.
    void read(const CallContext& context, const Work& work) { perform(_reading, context, work); }

    /// A step that acquires or renews must call it with the requested TTL.
    void noteTtl(Milliseconds ttl) { _vanished.noteTtl(ttl); }
    /// A step that grants must call it first. Throws LockStoreUnavailable while other processes may still hold unknown leases of a file
    /// that vanished, and LockStoreError while the file has another hard link.
    void requireGrantsAllowed(const HostNow& now) const;

private:
    using Grants = std::vector<std::pair<BatchStep*, AcquireReply>>;

    struct Lane
    {
        const bool writes;
        BatchQueue& queue;
        std::unique_ptr<StoreConnection> connection{}; // used by the call whose turn it is
    };

    void perform(Lane& lane, const CallContext& context, const Work& work);
    template <typename Use>
    void use(Lane& lane, const WaitBudget& budget, const Use& use);
    void begin(Lane& lane) const;
    void requireUnchanged(Lane& lane);
    bool judgeAll(std::span<BatchStep* const> steps, const Judge& judge, const WaitBudget& budget, Grants& grants);
    void open(Lane& lane, const WaitBudget& budget);
    std::unique_ptr<StoreConnection> connect(StoreConnection::Access access, const WaitBudget& budget);
    void leaveOtherFile(const FileId& current, const WaitBudget& budget);
    void arrive(StoreConnection& connection);
    void leave(Lane& lane);

    void beforeFork() override;
    void afterFork() override;
    std::optional<FileId> openFile() override;

    const SQLiteOptions _options;
    const std::string _place; // for messages
    const ForkGuard _fork;
    BatchQueue _readers;
    Lane _writing, _reading;
    bool _inUseAtFork = false;

    std::atomic<bool> _otherLink{false}; // the database had another hard link at the last check

    // The knowledge of this process about vanished files.
    std::mutex _mutex;
    std::vector<LockTable::Row> _carried; // their live leases, for the next file
    VanishedStorageGuard _vanished;       // for leases that could not be read; its times are the host's boot clock
};

} // namespace Leasehold
