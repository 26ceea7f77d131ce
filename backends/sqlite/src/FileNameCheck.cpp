#include "FileNameCheck.h"

#include "Leasehold/Exceptions.h"
#include "ProcFile.h"

#include <array>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <sys/stat.h>

namespace Leasehold::FileNameCheck
{
namespace
{

constexpr const char* mountList = "/proc/self/mountinfo";

/// mountinfo writes a space, a tab, a line end and a backslash as \ and three octal digits.
std::string withoutEscapes(const std::string& text)
{
    constexpr std::size_t digits = 3;
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at)
    {
        if (text[at] == '\\' && at + digits < text.size())
        {
            plain += static_cast<char>(std::stoi(text.substr(at + 1, digits), nullptr, 8));
            at += digits;
        }
        else
        {
            plain += text[at];
        }
    }
    return plain;
}

#ifdef STATX_MNT_ID
std::optional<std::uint64_t> mountNumberOf(const std::string& path)
{
    struct statx about = {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &about) != 0 || (about.stx_mask & STATX_MNT_ID) == 0)
        return std::nullopt;
    return about.stx_mnt_id;
}
#else
std::optional<std::uint64_t> mountNumberOf(const std::string&)
{
    return std::nullopt;
}
#endif

/// The end of a sentence that begins with the path.
std::string shortName(const std::string& path, const std::string& file)
{
    return file == path ? "the file" : file;
}

void requireOneLink(const std::string& path, const std::string& file)
{
    struct stat about = {};
    if (::stat(file.c_str(), &about) != 0 || about.st_nlink <= 1) // 0: it was removed; DatabaseFiles notices that
        return;
    throw LockStoreError("sqlite store " + path + ": " + shortName(path, file) + " has " + std::to_string(about.st_nlink) +
                         " names (hard links). SQLite keeps a log for each name, so two could hold the same lock. Remove the other "
                         "names (find / -xdev -inum " +
                         std::to_string(about.st_ino) + " shows them); to share the store, share its directory");
}

} // namespace

std::optional<bool> isMountPointByNumber(const std::string& file)
{
    const auto own = mountNumberOf(file), around = mountNumberOf(std::filesystem::path(file).parent_path().string());
    if (!own || !around)
        return std::nullopt;
    return *own != *around;
}

bool isMountPointByList(const std::string& file)
{
    const auto list = ProcFile::read(mountList, "to tell whether the database is a mount point");
    if (!list)
        throw LockStoreError(std::string("the sqlite store cannot tell whether ") + file + " is a mount point: there is no " + mountList +
                             "; mount /proc");
    std::istringstream lines(*list);
    for (std::string line; std::getline(lines, line);)
    {
        std::istringstream fields(line);
        std::string number, parent, device, root, place;
        if (fields >> number >> parent >> device >> root >> place && withoutEscapes(place) == file)
            return true;
    }
    return false;
}

bool isMountPoint(const std::string& file)
{
    const auto told = isMountPointByNumber(file);
    return told ? *told : isMountPointByList(file);
}

void requireOneLink(const std::string& path)
{
    requireOneLink(path, path);
}

void requireOneName(const std::string& path)
{
    std::error_code unseen; // SQLite reports a file that it cannot reach
    const auto real = std::filesystem::canonical(path, unseen).string();
    if (unseen)
        return;
    for (const auto* suffix : {"", "-wal", "-shm"})
    {
        const auto file = real + suffix;
        if (!std::filesystem::exists(file, unseen))
            continue;
        requireOneLink(path, file);
        if (isMountPoint(file))
            throw LockStoreError("sqlite store " + path + ": " + shortName(path, file) +
                                 " is a mount point: the file alone was mounted here (docker run -v FILE:FILE, mount --bind, "
                                 "systemd's BindPaths= or ReadWritePaths=). SQLite keeps its log beside each name, so two could hold "
                                 "the same lock. Mount the directory that holds the database instead");
    }
}

} // namespace Leasehold::FileNameCheck
