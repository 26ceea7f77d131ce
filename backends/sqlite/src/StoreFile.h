#pragma once

#include "CallQueue.h"
#include "ForkWatch.h"
#include "HostClock.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/SQLiteLockStore.h"
#include "LockTable.h"
#include "StoreConnection.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

/// The file was removed or replaced while it was open: what was just done is undone, and every lease that was taken in it is
/// lost.
class FileVanished : public LockStoreUnavailable
{
public:
    using LockStoreUnavailable::LockStoreUnavailable;

    Poco::Exception* clone() const override { return new FileVanished(*this); }
    void rethrow() const override { throw FileVanished(*this); }
};

/// The database file of one store: opens it, runs steps in transactions, and notices when it is no longer the file that it was.
///
/// One connection writes, since SQLite lets one transaction write at a time; another reads, so that a look at the locks never
/// waits for a writer. Thread-safe.
class StoreFile final : private ForkWatch::Member
{
public:
    using Commit = CallQueue::Commit;
    using Step = CallQueue::Step;

    explicit StoreFile(SQLiteOptions options);
    ~StoreFile();
    StoreFile(const StoreFile&) = delete;
    StoreFile& operator=(const StoreFile&) = delete;

    const std::string& path() const { return _options.path; }

    /// Opens the file, and makes it where there is none.
    void makeReady(const CallContext& context);
    /// Runs `step`, which changes at most `rows` rows, while no other process writes, and commits it. Throws FileVanished, and
    /// what SQLite's troubles mean. (It refers to the step: a Step made of it would be allocated for each call.)
    template <typename Work>
    void write(const CallContext& context, std::size_t rows, const Work& step)
    {
        perform(_writing, context, rows, std::cref(step));
    }
    /// Runs `step` on one state of the file. Throws as write does.
    template <typename Work>
    void read(const CallContext& context, const Work& step)
    {
        perform(_reading, context, 1, std::cref(step));
    }

    /// To be called by a step that writes: how long somebody may believe in what it writes.
    void noteTtl(Milliseconds ttl);
    /// To be called by a step that grants: throws LockStoreUnavailable while unknown leases of a file that vanished may still be
    /// believed in.
    void requireGrantsAllowed(const HostNow& now) const;

private:
    struct Lane
    {
        const bool writes;
        CallQueue queue{};
        std::unique_ptr<StoreConnection> connection{}; // of the call whose turn it is
    };

    void perform(Lane& lane, const CallContext& context, std::size_t rows, const Step& step);
    bool attempt(Lane& lane, CallQueue::Turn& turn);
    void open(Lane& lane, const Patience& patience);
    std::unique_ptr<StoreConnection> connect(const Patience& patience);
    void leaveOtherFile(const FileId& current, const Patience& patience);
    void arrive(StoreConnection& connection);
    void leave(Lane& lane);
    void requireOwnProcess() const;

    void beforeFork() override;
    void afterFork(bool inChild) override;
    std::optional<FileId> openFile() override;

    const SQLiteOptions _options;
    std::atomic<bool> _foreign{false}; // this is a forked child
    Lane _writing{.writes = true}, _reading{.writes = false};
    bool _inUseAtFork = false;

    // What this process knows of files that vanished.
    mutable std::mutex _mutex;
    std::optional<FileId> _last;          // the file that was opened last
    bool _lastCarried = false;            // its live leases are in _carried
    std::vector<LockTable::Row> _carried; // for the next file
    Milliseconds _longestTtl{};
    std::int64_t _quietUntil = 0; // in terms of HostNow::rule.ms
};

} // namespace Leasehold
