#pragma once

#include "JsonTree.h"

namespace Leasehold::Fake
{

/// True if a `_source` asks for the whole document.
bool isWhole(const Value& wanted);

/// What a `_source` (true, false, a name, or an array of names; empty: everything) shows of a document; null: nothing. Only names
/// of outermost members are known. Throws Failure for any other `_source`.
Object shownSource(const Value& wanted, const Object& source);

/// The value of `_source` or `_source_includes` in a query string.
Value sourceFromQuery(const std::string& text);

} // namespace Leasehold::Fake
