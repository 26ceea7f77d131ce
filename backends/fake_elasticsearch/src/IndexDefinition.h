#pragma once

#include "EngineFailure.h"
#include "FakeIndex.h"

#include <string>

namespace Leasehold::Fake
{

/// The body of a request that makes an index: its settings, mappings and aliases, each null if it is not there. Throws Failure.
Object readIndexDefinition(const std::string& body);

/// Throws Failure unless an engine accepts this as the name of an index.
void requireIndexName(const std::string& name);
Failure badIndexName(const std::string& name, const std::string& why);

/// The index of this definition, empty, as an engine would describe it.
FakeIndex makeIndex(const std::string& name, const Object& definition, std::int64_t now);

} // namespace Leasehold::Fake
