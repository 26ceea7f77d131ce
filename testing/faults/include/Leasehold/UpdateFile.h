#pragma once

#include "Leasehold/FenceGuard.h"

#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

/// A file with the ids of all its updates. An update reads all ids, and later writes them all with its own appended, so an overwritten
/// update is visible. The file is replaced as a whole, so readers never see a partial one. One thread uses an object; many threads and
/// processes may have objects for the same file.
class UpdateFile : public FenceGuard
{
public:
    explicit UpdateFile(std::string path);

    std::vector<std::string> read() const;

    /// Writes as to a resource without a guard: the last writer wins.
    void overwrite(const std::vector<std::string>& ids);

    /// Writes as to a guarded resource: under the file's lock and only if no greater fence was seen. Throws StaleFenceError. The file
    /// stores the fence beside the data.
    void overwriteGuarded(Fence fence, const std::vector<std::string>& ids);

protected:
    void transact(const std::function<Fence(Fence highest)>& step) override;

private:
    struct Content
    {
        Fence highest = 0;
        std::vector<std::string> ids{};
    };
    Content load() const;
    void store(const Content& content) const;

    const std::string _path;
    std::optional<std::vector<std::string>> _change; // of the present step
};

} // namespace Leasehold
