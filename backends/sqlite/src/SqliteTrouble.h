#pragma once

#include <string>

struct sqlite3;

namespace Leasehold
{

class WaitBudget;

/// Throws the exception for a failed SQLite call: LockStoreUnavailable if another attempt may succeed, LockStoreError if an operator must
/// repair something first. The message has the file, SQLite's text and what to do. `code`: an extended result code. `connection` and
/// `budget` may be nullptr.
[[noreturn]] void throwTrouble(const std::string& path, int code, sqlite3* connection, const WaitBudget* budget);

/// True if the connection can still be used after this failure.
bool leavesConnectionUsable(int code);

} // namespace Leasehold
