#pragma once

#include <string_view>
#include <vector>

namespace Leasehold::Fuzz
{

struct FuzzTarget
{
    const char* name;
    const char* corpus; ///< the folder of its first inputs
    void (*run)(std::string_view input);
};

/// All targets. leasehold_corpus_tests generates the definition.
const std::vector<FuzzTarget>& fuzzTargets();

} // namespace Leasehold::Fuzz
