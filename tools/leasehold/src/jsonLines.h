#pragma once

#include "Leasehold/LockRecord.h"

#include <string>
#include <string_view>

namespace Leasehold::Tool
{

/// A text as a JSON string, with its quotes. U+FFFD replaces bytes that are not UTF-8; control characters are escaped, so that a terminal
/// does not execute them.
std::string jsonText(std::string_view text);

/// A lock as one JSON object, on one line and without the line's end: the schema of `list --json`, `show --json` and `--status-fd`.
///
///     {"name":"nightly","fence":1795504309171000,"acquiredAt":"2026-11-24T14:02:07.123Z","expiresAt":"...",
///      "ttlMs":30000,"remainingMs":21400,"broken":false,"metadata":{...}}
std::string lockJson(const LockRecord& record);

} // namespace Leasehold::Tool
