#pragma once

#include <string>

struct sqlite3;

namespace Leasehold
{

class Patience;

/// Throws what a failed SQLite call means: LockStoreUnavailable if another try may succeed, LockStoreError if somebody has to
/// repair something first. The message names the file, SQLite's own text and what to do. `code` is an extended result code;
/// `connection` may be null, `patience` too.
[[noreturn]] void throwTrouble(const std::string& path, int code, sqlite3* connection, const Patience* patience);

/// True if a connection is as good as before this failure.
bool leavesConnectionUsable(int code);

} // namespace Leasehold
