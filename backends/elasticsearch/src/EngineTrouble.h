#pragma once

#include "EngineAnswer.h"

#include <string>

namespace Leasehold::Elasticsearch
{

/// The meaning of an answer for its operation.
enum class Meaning
{
    done,            ///< carried out; the result says what it did
    documentMissing, ///< there is no record of that name
    indexMissing,    ///< there is no index behind the alias
    alreadyExists,   ///< the index to be created exists
    notPermitted,    ///< 403 because of missing rights
    transient,       ///< failed, but another attempt may succeed
    permanent        ///< failed, and an operator must repair something before another attempt
};

struct Verdict
{
    Meaning meaning = Meaning::permanent;
    std::string why{}; ///< status, the engine's error type and what to do; empty when done. No secrets
};

/// Judges one operation by its status and its error. Pure.
Verdict judge(const EngineItem& item);

/// Judges a whole answer, first by its status and by whether it can be parsed. Pure.
Verdict judge(const EngineAnswer& answer, const std::string& contentType);

} // namespace Leasehold::Elasticsearch
