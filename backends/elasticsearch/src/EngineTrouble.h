#pragma once

#include "EngineAnswer.h"

#include <string>

namespace Leasehold
{

/// What an answer means for the operation that it answers.
enum class Meaning
{
    done,            ///< carried out; the result says what it did
    documentMissing, ///< there is no record of that name
    indexMissing,    ///< there is no index behind the alias
    alreadyExists,   ///< what was to be created is there
    notPermitted,    ///< 403 because of missing rights
    transient,       ///< not now: worth another try
    permanent        ///< not worth one before somebody repairs something
};

struct Verdict
{
    Meaning meaning = Meaning::permanent;
    std::string why{}; ///< status, the engine's own error type and what to do; empty when done. No secrets
};

/// Judges one operation by its status and its error. Pure.
Verdict judge(const EngineItem& item);

/// Judges a whole answer: its status and whether it can be read come before what is in it. Pure.
Verdict judge(const EngineAnswer& answer, const std::string& contentType);

} // namespace Leasehold
