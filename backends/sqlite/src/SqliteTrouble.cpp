#include "SqliteTrouble.h"

#include "Leasehold/Exceptions.h"
#include "WaitBudget.h"

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

/// Without free inodes SQLite cannot create the file. It then tries to open it without creating it, and reports that failure: no such file.
bool isWithoutInodes(const std::string& path)
{
    struct statvfs about = {};
    const auto directory = std::filesystem::absolute(path).parent_path();
    return ::statvfs(directory.c_str(), &about) == 0 && about.f_files > 0 && about.f_favail == 0;
}

bool mayOnlyRead(sqlite3* connection)
{
    return connection && sqlite3_db_readonly(connection, "main") == 1;
}

[[noreturn]] void throwWithoutLog(const std::string& text)
{
    throw LockStoreError(text + "; this user may only read the file, and for that its -wal and -shm files must be there and be readable: "
                                "any use of the store by a user who may write it makes them");
}

[[noreturn]] void throwCannotOpen(const std::string& path, const std::string& text, sqlite3* connection)
{
    const int reason = connection ? sqlite3_system_errno(connection) : 0;
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
        if (mayOnlyRead(connection))
            throwWithoutLog(text);
        throw LockStoreError(text +
                             "; its directory must exist, and this user must be allowed to create and write files in it, and to read and "
                             "write those of the store that are there");
    }
}

} // namespace

void throwTrouble(const std::string& path, int code, sqlite3* connection, const WaitBudget* budget)
{
    const std::string text = describe(path, code, connection);
    switch (code & 0xff)
    {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        if (budget && budget->isCancelled())
            throw LockStoreUnavailable(text + "; the call was cancelled while another process held the file");
        throw LockStoreUnavailable(text + "; another process held the file for all the time that the call had: try again, and if it lasts, "
                                          "look for a stopped process that has the file open");
    case SQLITE_INTERRUPT:
        throw LockStoreUnavailable(text + "; " + (budget ? budget->whySpent() : "the call was interrupted"));
    case SQLITE_FULL:
        throw LockStoreUnavailable(text + "; no space is left: make room on its file system");
    case SQLITE_IOERR:
        throw LockStoreUnavailable(text + "; the file could not be read or written: check its file system and free space, then try again");
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
        throw LockStoreUnavailable(text + "; try again");
    case SQLITE_CANTOPEN:
        throwCannotOpen(path, text, connection);
    case SQLITE_NOTADB:
        throw LockStoreError(text + "; it is left as it is: name another path, or move the file away");
    case SQLITE_CORRUPT:
        throw LockStoreError(text + "; it is left as it is: stop all that use it and move it away together with its -wal and -shm files");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        if (mayOnlyRead(connection))
            throwWithoutLog(text);
        throw LockStoreError(text + "; this user must be allowed to write the file, its -wal and -shm files, and its directory "
                                    "(to find and list locks, reading the three files is enough)");
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
