#pragma once

#include "DatabaseFiles.h"

#include <optional>
#include <string>

namespace Leasehold
{

/// Keeps SQLite sound across fork.
///
/// SQLite has one table per process of its open files and file locks. A forked child inherits the table but not the locks, so a new
/// connection of the child would not take locks that it needs. Therefore every store closes its idle connections before a fork, and opens
/// them again when it needs them. If another thread uses a connection at that moment, the child must never open that file. (ForkGuard,
/// which refuses calls in a child, notices a fork only afterwards.)
class ForkHandlers
{
public:
    /// The work of a store around a fork. The thread that forks calls these functions.
    class Member
    {
    public:
        /// Closes idle connections and blocks the start of new calls.
        virtual void beforeFork() = 0;
        /// Allows calls again, in parent and child.
        virtual void afterFork() = 0;
        /// The file that a call is using, if any. Called between beforeFork and afterFork.
        virtual std::optional<FileId> openFile() = 0;

    protected:
        ~Member() = default;
    };

    static void add(Member& member);
    static void remove(Member& member);

    /// Throws LockStoreError if the parent was using the file when it forked this process.
    static void requireNotInherited(const FileId& file, const std::string& path);
};

} // namespace Leasehold
