#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace Leasehold
{

/// Identifies an existing file independent of its name.
struct FileId
{
    std::uint64_t device = 0, inode = 0;

    friend bool operator==(const FileId&, const FileId&) = default;

    /// nullopt: there is no such file, or this user has no right to see it.
    static std::optional<FileId> of(const std::string& path);
};

/// The database, -wal and -shm files of an open connection. isUnchanged tells whether the names still belong to these files: SQLite
/// would go on with removed files, and other processes would be granted the same locks in new ones.
///
/// To check three names costs three system calls, a quarter of a quick transaction. So the directory is checked first: while its times
/// are the same, no name in it has changed. Where these times are whole seconds, the three files are checked each time. While the files
/// are open, no other file can have their inode numbers.
class DatabaseFiles
{
public:
    /// `path` as the user named it, `fileName` with its symbolic links resolved. nullopt: one of the three files is missing.
    static std::optional<DatabaseFiles> look(const std::string& path, const std::string& fileName);

    /// False: one of the files was removed or replaced. Not thread-safe: each connection has its own.
    bool isUnchanged();

    /// True if the database had another hard link when the three files were last checked.
    bool hasOtherLink() const { return _otherLink; }

    const FileId& id() const { return _file; }
    /// Identifies the database also after it was closed. A file system gives the inode number of a removed file to a new one, so this
    /// contains the kernel's file handle too (name_to_handle_at: inode and generation), where there is one. Never empty.
    const std::string& identity() const { return _identity; }

private:
    struct Directory
    {
        FileId id{};
        std::int64_t modifiedSeconds = 0, modifiedNanoseconds = 0;
        std::int64_t changedSeconds = 0, changedNanoseconds = 0;

        friend bool operator==(const Directory&, const Directory&) = default;
    };

    DatabaseFiles() = default;
    std::optional<Directory> lookAtDirectory() const;
    static bool isSettled(const Directory& directory);

    std::string _path, _log, _index;
    std::string _directory; // empty: the path is a symbolic link, so the files are elsewhere
    FileId _file, _logId, _indexId;
    std::string _identity;
    bool _otherLink = false;
    std::optional<Directory> _checked; // the directory when the files were unchanged; nullopt: its times do not tell a later change
};

} // namespace Leasehold
