#include "FakeIndex.h"

namespace Leasehold::Fake
{

DocumentPtr FakeIndex::find(const std::string& id) const
{
    const auto place = documents.find(id);
    return place == documents.end() ? nullptr : place->second;
}

DocumentPtr FakeIndex::store(const std::string& id, const Object& source)
{
    const auto before = find(id);
    const auto deleted = deletedVersions.find(id);
    const auto last = before ? before->version : deleted != deletedVersions.end() ? deleted->second : 0;
    auto stored = std::make_shared<const Document>(Document{source, last + 1, nextSequence++});
    documents[id] = stored;
    deletedVersions.erase(id);
    return stored;
}

Document FakeIndex::remove(const std::string& id)
{
    const auto before = find(id);
    const auto deleted = deletedVersions.find(id);
    const auto last = before ? before->version : deleted != deletedVersions.end() ? deleted->second : 0;
    const Document deletion{{}, last + 1, nextSequence++};
    documents.erase(id);
    deletedVersions[id] = deletion.version;
    return deletion;
}

} // namespace Leasehold::Fake
