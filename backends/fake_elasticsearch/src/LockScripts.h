#pragma once

#include "JsonTree.h"

#include <cstdint>
#include <string>

namespace Leasehold::Fake
{

/// What an update script did to a document.
struct ScriptOutcome
{
    enum class Operation
    {
        index,
        noop,
        remove
    };
    Operation operation = Operation::noop;
    Object source{}; ///< as the script left it; that of a noop is not stored
};

/// Does what the script with this text does, by LeaseRules; `source` is the document's, or that of the upsert, and is not changed.
/// `params` may be null. Throws Failure if the script would fail, or is none of ElasticsearchScripts.
ScriptOutcome runLockScript(const std::string& text, const Object& params, const Object& source, std::int64_t now);

} // namespace Leasehold::Fake
