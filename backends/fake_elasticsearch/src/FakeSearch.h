#pragma once

#include "FakeIndex.h"

#include <string>

namespace Leasehold::Fake
{

/// Answers the searches of the lock store: filters by range of `expires` against now, by `standing` and by prefix of `name`, sorted by
/// one field, with search_after. Throws Failure for searches that an engine refuses or the fake does not know.
Object runSearch(const FakeIndex& index, const Object& request, std::int64_t now);

/// Throws Failure for errors that do not depend on the index: engines parse a search before they look for its index.
void requireKnownSearch(const Object& request);

} // namespace Leasehold::Fake
