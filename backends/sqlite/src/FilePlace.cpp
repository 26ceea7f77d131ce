#include "FilePlace.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <sys/stat.h>

namespace Leasehold
{
namespace
{
/// Times of files come from a clock that ticks every 1 to 10 ms. Two changes in one tick look like one, so a directory is
/// trusted only when its last change lies further back than this.
constexpr std::int64_t settlingNanoseconds = 50'000'000;
} // namespace

std::optional<FileId> FileId::of(const std::string& path)
{
    struct stat about = {};
    if (::stat(path.c_str(), &about) != 0)
        return std::nullopt;
    return FileId{static_cast<std::uint64_t>(about.st_dev), static_cast<std::uint64_t>(about.st_ino)};
}

std::optional<FilePlace> FilePlace::look(const std::string& path, const std::string& fileName)
{
    FilePlace place;
    place._path = path;
    place._log = fileName + "-wal";
    place._index = fileName + "-shm";
    std::error_code ignored; // not to be seen as a link means: look at every file each time
    if (!std::filesystem::is_symlink(path, ignored) && !ignored)
        place._directory = std::filesystem::path(path).parent_path().string();

    const auto main = FileId::of(path), real = FileId::of(fileName);
    const auto log = FileId::of(place._log), index = FileId::of(place._index);
    if (!main || main != real || !log || !index)
        return std::nullopt;
    place._main = *main;
    place._logId = *log;
    place._indexId = *index;
    return place;
}

std::optional<FilePlace::Directory> FilePlace::lookAtDirectory() const
{
    struct stat about = {};
    if (_directory.empty() || ::stat(_directory.c_str(), &about) != 0)
        return std::nullopt;
    return Directory{{static_cast<std::uint64_t>(about.st_dev), static_cast<std::uint64_t>(about.st_ino)},
                     about.st_mtim.tv_sec,
                     about.st_mtim.tv_nsec,
                     about.st_ctim.tv_sec,
                     about.st_ctim.tv_nsec};
}

bool FilePlace::isSettled(const Directory& directory)
{
    timespec now{};
    if (::clock_gettime(CLOCK_REALTIME, &now) != 0)
        return false;
    const auto changed = std::max(directory.changedSeconds * 1'000'000'000 + directory.changedNanoseconds,
                                  directory.modifiedSeconds * 1'000'000'000 + directory.modifiedNanoseconds);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec - changed > settlingNanoseconds;
}

bool FilePlace::isUnchanged()
{
    if (_quiet && lookAtDirectory() == _quiet)
        return true;
    _quiet.reset();
    const auto directory = lookAtDirectory(); // before the files: a change after this look is seen by the next
    if (FileId::of(_path) != _main || FileId::of(_log) != _logId || FileId::of(_index) != _indexId)
        return false;
    if (directory && isSettled(*directory))
        _quiet = directory;
    return true;
}

} // namespace Leasehold
