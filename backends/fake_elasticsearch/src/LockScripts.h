#pragma once

#include "JsonTree.h"

#include <cstdint>
#include <string>

namespace Leasehold::Fake
{

/// The effect of an update script on a document.
struct ScriptOutcome
{
    enum class Operation
    {
        index,
        noop,
        remove
    };
    Operation operation = Operation::noop;
    Object source{}; ///< after the script; a noop does not store it
};

/// Does by LeaseRules what the script with this text does. `source` is that of the document or the upsert, and is not changed. `params` may
/// be null. Throws Failure if the script would fail, or is not one of ElasticsearchScripts.
ScriptOutcome runLockScript(const std::string& text, const Object& params, const Object& source, std::int64_t now);

} // namespace Leasehold::Fake
