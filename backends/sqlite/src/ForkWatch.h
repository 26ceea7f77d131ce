#pragma once

#include "FilePlace.h"

#include <optional>
#include <string>

namespace Leasehold
{

/// Keeps SQLite sound across fork.
///
/// SQLite remembers, for the whole process, which files are open and which locks on them it has. A forked child inherits that
/// memory but not the locks, so even a connection that it opens itself would skip locks that it needs. Therefore every store
/// closes its idle connections before a fork and opens them again when they are needed. Where a connection was in use by another
/// thread at that moment, the child may not open that file at all.
class ForkWatch
{
public:
    /// What a store must do around a fork. Called by the thread that forks.
    class Member
    {
    public:
        /// Closes what is not in use and lets nobody begin to use anything.
        virtual void beforeFork() = 0;
        /// In both processes. What is the parent's is not to be used in the child.
        virtual void afterFork(bool inChild) = 0;
        /// Between the two: the file that is still open, if there is one.
        virtual std::optional<FileId> openFile() = 0;

    protected:
        ~Member() = default;
    };

    static void add(Member& member);
    static void remove(Member& member);

    /// Throws LockStoreError if the parent of this process had the file in use when it forked.
    static void requireNotInherited(const FileId& file, const std::string& path);
};

} // namespace Leasehold
