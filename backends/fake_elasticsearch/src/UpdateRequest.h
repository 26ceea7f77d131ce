#pragma once

#include "JsonTree.h"

#include <string>
#include <vector>

namespace Leasehold::Fake
{

class Route;

/// One scripted update, alone or in a bulk.
struct UpdateRequest
{
    std::string index{};
    std::string id{};
    bool requireAlias = false;
    bool hasScript = false;
    std::string script{};
    Object params{};
    Object upsert{}; ///< null: none
    bool scriptedUpsert = false;
    Value shown{}; ///< `_source`; empty: not asked for
    bool showsSource = false;

    /// Reads the body of an `_update`. Throws Failure as an engine does.
    void readBody(const std::string& body);
    /// The error that an engine finds only after it has read the whole request; empty: none.
    std::string problem() const;
};

/// The updates of a bulk, in their order. `index`: the one in the path, may be empty. Throws Failure if it is refused as a whole.
std::vector<UpdateRequest> readBulk(const std::string& body, const std::string& index, const Value& shown);

} // namespace Leasehold::Fake
