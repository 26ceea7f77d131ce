#pragma once

#include "Leasehold/FenceGuard.h"

#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

/// A file that holds the ids of all updates that were made to it: an update reads them all, and later writes them all with its
/// own at the end. So an update that overwrites another's shows. A file is replaced as a whole; readers never see half of one.
/// An object is used by one thread; any number of threads and processes may have one for the same file.
class UpdateFile : public FenceGuard
{
public:
    explicit UpdateFile(std::string path);

    std::vector<std::string> read() const;

    /// As a resource without a guard has it: whoever writes last has written.
    void overwrite(const std::vector<std::string>& ids);

    /// As a guarded resource has it: under the file's lock and only if no greater fence was seen. Throws StaleFenceError. The fence
    /// stands beside the data, in the file itself.
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
    std::optional<std::vector<std::string>> _change; // of the step that runs
};

} // namespace Leasehold
