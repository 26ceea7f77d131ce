#pragma once

#include "Leasehold/Export.h"

#include <optional>
#include <string_view>
#include <vector>

namespace Leasehold
{

// Exported because the fake Elasticsearch server, another library, uses them; not installed.

/// Every number of a JSON text, as written and in its order. The text may be malformed: the parser reports that. Pure; may be called from
/// any thread.
LEASEHOLD_EXPORT std::vector<std::string_view> numbersIn(std::string_view json);

/// The first integer of a JSON text that does not fit in 64 bits (below -2^63 or above 2^64 - 1), as written. POCO's parser (1.11.0)
/// refuses some of these and silently reads others as another number: 2^64 as 0, 2^64 + 1 as 1, -2^63 - 1 as -2^63. The text may be
/// malformed: the parser reports that. Pure; may be called from any thread.
LEASEHOLD_EXPORT std::optional<std::string_view> oversizedWholeNumber(std::string_view json);

} // namespace Leasehold
