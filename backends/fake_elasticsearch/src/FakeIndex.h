#pragma once

#include "JsonTree.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace Leasehold::Fake
{

/// A document as it stands in an index. Never changed: a change is a new one.
struct Document
{
    Object source{};
    std::int64_t version = 0;
    std::int64_t sequence = 0;
};
using DocumentPtr = std::shared_ptr<const Document>;
using Documents = std::map<std::string, DocumentPtr>; // by id

/// One index: its description and its documents, of which a search sees those that were there at the last refresh.
struct FakeIndex
{
    std::string name{};
    std::string uuid{};
    Object aliases{};
    Object mappings{};
    Object settings{}; ///< what stands under "index", all as text, as engines keep it
    int copies = 1;    ///< the primary and the replicas that the settings ask for

    Documents documents{};
    Documents searchable{};
    std::map<std::string, std::int64_t> deletedVersions{}; ///< a document that comes back goes on counting
    std::int64_t nextSequence = 0;

    /// nullptr: there is none.
    DocumentPtr find(const std::string& id) const;
    DocumentPtr store(const std::string& id, const Object& source);
    /// The version and sequence number of the deletion, which counts also where there is no document.
    Document remove(const std::string& id);
    void refresh() { searchable = documents; }
};

} // namespace Leasehold::Fake
