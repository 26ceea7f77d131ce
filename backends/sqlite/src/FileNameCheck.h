#pragma once

#include <optional>
#include <string>

/// SQLite finds the -wal and -shm files of a database by its name. A database with two names has two logs: users of one name do not see the
/// writes of the other, and both are granted the same lock.
namespace Leasehold::FileNameCheck
{

/// Throws LockStoreError if the database, its -wal or its -shm file has another hard link or is a mount point. Follows symbolic links, as
/// SQLite does. Ignores missing files.
void requireOneName(const std::string& path);

/// The check for an open database: only the hard links of the database file.
void requireOneLink(const std::string& path);

/// True if this file is a mount point. `file` must have no symbolic links.
bool isMountPoint(const std::string& file);

/// The two ways of isMountPoint. By the mount number that the kernel tells since Linux 5.8; nullopt: it does not tell one.
std::optional<bool> isMountPointByNumber(const std::string& file);
/// By the list of all mounts. Throws LockStoreError if the list cannot be read.
bool isMountPointByList(const std::string& file);

} // namespace Leasehold::FileNameCheck
