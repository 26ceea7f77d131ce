#include "DatabaseFiles.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

namespace Leasehold
{
namespace
{
/// The clock of file times ticks every 1 to 10 ms, and two changes in one tick have the same time. So the times of a directory are trusted
/// only when its last change is older than this.
constexpr std::int64_t settlingNanoseconds = 50'000'000;

std::string handleOf(const std::string& path)
{
    alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> buffer{};
    auto* const handle = reinterpret_cast<file_handle*>(buffer.data());
    handle->handle_bytes = MAX_HANDLE_SZ;
    int mount = 0;
    if (::name_to_handle_at(AT_FDCWD, path.c_str(), handle, &mount, AT_SYMLINK_FOLLOW) != 0)
        return {};
    return {buffer.data(), sizeof(file_handle) + handle->handle_bytes};
}

FileId idIn(const struct stat& about)
{
    return {static_cast<std::uint64_t>(about.st_dev), static_cast<std::uint64_t>(about.st_ino)};
}

} // namespace

std::optional<FileId> FileId::of(const std::string& path)
{
    struct stat about = {};
    if (::stat(path.c_str(), &about) != 0)
        return std::nullopt;
    return idIn(about);
}

std::optional<DatabaseFiles> DatabaseFiles::look(const std::string& path, const std::string& fileName)
{
    DatabaseFiles place;
    place._path = path;
    place._log = fileName + "-wal";
    place._index = fileName + "-shm";
    std::error_code ignored; // if the path cannot be read, each check looks at all three files
    if (!std::filesystem::is_symlink(path, ignored) && !ignored)
        place._directory = std::filesystem::path(path).parent_path().string();

    const auto main = FileId::of(path), real = FileId::of(fileName);
    const auto log = FileId::of(place._log), index = FileId::of(place._index);
    if (!main || main != real || !log || !index)
        return std::nullopt;
    place._file = *main;
    place._identity = std::to_string(main->device) + ':' + std::to_string(main->inode) + ':' + handleOf(path);
    place._logId = *log;
    place._indexId = *index;
    return place;
}

std::optional<DatabaseFiles::Directory> DatabaseFiles::lookAtDirectory() const
{
    struct stat about = {};
    if (_directory.empty() || ::stat(_directory.c_str(), &about) != 0)
        return std::nullopt;
    return Directory{idIn(about), about.st_mtim.tv_sec, about.st_mtim.tv_nsec, about.st_ctim.tv_sec, about.st_ctim.tv_nsec};
}

bool DatabaseFiles::isSettled(const Directory& directory)
{
    // No program can set ctime. Zero nanoseconds: the file system stores whole seconds (ext3, ext4 with inodes of 128 bytes).
    if (directory.changedNanoseconds == 0)
        return false;
    timespec now{};
    if (::clock_gettime(CLOCK_REALTIME, &now) != 0)
        return false;
    const auto changed = std::max(directory.changedSeconds * 1'000'000'000 + directory.changedNanoseconds,
                                  directory.modifiedSeconds * 1'000'000'000 + directory.modifiedNanoseconds);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec - changed > settlingNanoseconds;
}

bool DatabaseFiles::isUnchanged()
{
    if (_checked && lookAtDirectory() == _checked)
        return true;
    _checked.reset();
    const auto directory = lookAtDirectory(); // before the files: the next check sees a later change
    struct stat about = {};
    if (::stat(_path.c_str(), &about) != 0 || idIn(about) != _file || FileId::of(_log) != _logId || FileId::of(_index) != _indexId)
        return false;
    _otherLink = about.st_nlink > 1;
    if (directory && isSettled(*directory))
        _checked = directory;
    return true;
}

} // namespace Leasehold
