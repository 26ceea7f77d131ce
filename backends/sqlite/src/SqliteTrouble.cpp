#include "SqliteTrouble.h"

#include "Leasehold/Exceptions.h"
#include "Patience.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sqlite3.h>
#include <sys/statvfs.h>

namespace Leasehold
{
namespace
{

std::string describe(const std::string& path, int code, sqlite3* connection)
{
    std::string text = "sqlite store " + path + ": ";
    text += connection && sqlite3_extended_errcode(connection) == code ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
    text += " (SQLite result " + std::to_string(code);
    const int reason = connection ? sqlite3_system_errno(connection) : 0;
    if (reason != 0 && ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_FULL))
        text += std::string(", ") + std::strerror(reason);
    return text + ")";
}

/// SQLite then asks once more without making the file, and tells what it was answered to that: that there is none.
bool isWithoutInodes(const std::string& path)
{
    struct statvfs about = {};
    const auto directory = std::filesystem::absolute(path).parent_path();
    return ::statvfs(directory.c_str(), &about) == 0 && about.f_files > 0 && about.f_favail == 0;
}

[[noreturn]] void throwCannotOpen(const std::string& path, const std::string& text, int reason)
{
    switch (reason == ENOENT && isWithoutInodes(path) ? ENOSPC : reason)
    {
    case EMFILE:
    case ENFILE:
        throw LockStoreUnavailable(text + "; no file descriptor is left: close some, or raise the limit of open files");
    case ENOSPC:
    case EDQUOT:
        throw LockStoreUnavailable(text + "; no space is left for a file: make room on its file system");
    case EINTR:
    case ENOMEM:
        throw LockStoreUnavailable(text + "; try again");
    default:
        throw LockStoreError(text + "; its directory must exist, and this user must be allowed to create and write files in it");
    }
}

} // namespace

void throwTrouble(const std::string& path, int code, sqlite3* connection, const Patience* patience)
{
    const std::string text = describe(path, code, connection);
    switch (code & 0xff)
    {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        if (patience && patience->isCancelled())
            throw LockStoreUnavailable(text + "; the call was cancelled while another process held the file");
        throw LockStoreUnavailable(text + "; another process held the file for all the time that the call had: try again, and if it lasts, "
                                          "look for a stopped process that has the file open");
    case SQLITE_INTERRUPT:
        throw LockStoreUnavailable(text + "; " + (patience ? patience->whyExhausted() : "the call was interrupted"));
    case SQLITE_FULL:
        throw LockStoreUnavailable(text + "; no space is left: make room on its file system");
    case SQLITE_IOERR:
        throw LockStoreUnavailable(text + "; the file could not be read or written: check its file system and free space, then try again");
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
        throw LockStoreUnavailable(text + "; try again");
    case SQLITE_CANTOPEN:
        throwCannotOpen(path, text, connection ? sqlite3_system_errno(connection) : 0);
    case SQLITE_NOTADB:
        throw LockStoreError(text + "; it is left as it is: name another path, or move the file away");
    case SQLITE_CORRUPT:
        throw LockStoreError(text + "; it is left as it is: stop all that use it and move it away together with its -wal and -shm files");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        throw LockStoreError(text + "; this user must be allowed to write the file, its -wal and -shm files, and its directory");
    default:
        throw LockStoreError(text + "; its table is not as this version of Leasehold made it, or was changed by something else");
    }
}

bool leavesConnectionUsable(int code)
{
    switch (code & 0xff)
    {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
    case SQLITE_FULL:
        return true;
    default:
        return false;
    }
}

} // namespace Leasehold
