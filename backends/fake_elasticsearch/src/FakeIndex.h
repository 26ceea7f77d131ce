#pragma once

#include "JsonTree.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace Leasehold::Fake
{

/// One version of a document in an index. Immutable.
struct Document
{
    Object source{};
    std::int64_t version = 0;
    std::int64_t sequence = 0;
};
using DocumentPtr = std::shared_ptr<const Document>;
using Documents = std::map<std::string, DocumentPtr>; // by id

/// One index: its description and its documents. A search sees the documents of the last refresh.
struct FakeIndex
{
    std::string name{};
    std::string uuid{};
    Object aliases{};
    Object mappings{};
    Object settings{}; ///< the settings under "index", all as text, as in the engines
    int copies = 1;    ///< the primary and the replicas that the settings ask for

    Documents documents{};
    Documents searchable{};
    std::map<std::string, std::int64_t> deletedVersions{}; ///< a document that is created again continues its versions
    std::int64_t nextSequence = 0;

    /// nullptr: there is none.
    DocumentPtr find(const std::string& id) const;
    DocumentPtr store(const std::string& id, const Object& source);
    /// Returns the version and sequence number of the deletion; a missing document gets them too.
    Document remove(const std::string& id);
    void refresh() { searchable = documents; }
};

} // namespace Leasehold::Fake
