#pragma once

#include "JsonTree.h"

namespace Leasehold::Fake
{

/// Whether a `_source` asks for all of a document.
bool isWhole(const Value& wanted);

/// What a `_source` (true, false, a name, or an array of names; empty: everything) shows of a document; null: nothing. The names are
/// those of the outermost members. Throws Failure for another kind of `_source`.
Object shownSource(const Value& wanted, const Object& source);

/// The value of `_source` or `_source_includes` in a query string.
Value sourceFromQuery(const std::string& text);

} // namespace Leasehold::Fake
