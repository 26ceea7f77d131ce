#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace Leasehold
{

/// Which file it is, whatever its name.
struct FileId
{
    std::uint64_t device = 0, inode = 0;

    friend bool operator==(const FileId&, const FileId&) = default;

    /// nullopt: there is no such file, or it may not be seen.
    static std::optional<FileId> of(const std::string& path);
};

/// Watches whether the database and its -wal and -shm files are still those that a connection has open. SQLite would go on
/// working on removed files; others would be granted the same locks in new ones.
///
/// Looking at three names costs three system calls, a quarter of a quick transaction. So the directory is looked at first: while
/// its times are as they were, no name in it has changed.
class FilePlace
{
public:
    /// `path` as the user named it, `fileName` with its symbolic links resolved. All three files must be there.
    /// nullopt: they are not.
    static std::optional<FilePlace> look(const std::string& path, const std::string& fileName);

    /// False: one of the files was removed or replaced. Not thread-safe: each connection has its own.
    bool isUnchanged();

    const FileId& id() const { return _main; }

private:
    struct Directory
    {
        FileId id{};
        std::int64_t modifiedSeconds = 0, modifiedNanoseconds = 0;
        std::int64_t changedSeconds = 0, changedNanoseconds = 0;

        friend bool operator==(const Directory&, const Directory&) = default;
    };

    FilePlace() = default;
    std::optional<Directory> lookAtDirectory() const;
    static bool isSettled(const Directory& directory);

    std::string _path, _log, _index;
    std::string _directory; // empty: the path is a symbolic link, so the files are elsewhere
    FileId _main, _logId, _indexId;
    std::optional<Directory> _quiet; // how the directory was when all was well, if nothing can have changed unseen since
};

} // namespace Leasehold
