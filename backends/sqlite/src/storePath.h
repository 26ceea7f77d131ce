#pragma once

#include <filesystem>
#include <string>

namespace Leasehold
{

/// Empty if `path` can name a database file that processes share; otherwise the problem and the allowed paths.
inline std::string problemOfStorePath(const std::string& path)
{
    const char* const allowed = "; name a file, such as /var/lib/leasehold/locks.db";
    if (path.empty())
        return std::string("it is empty") + allowed;
    if (path.find('\0') != std::string::npos)
        return std::string("it contains a zero byte") + allowed;
    if (path.front() == ':' || path.starts_with("file:"))
        return std::string("SQLite gives such a name a meaning of its own (\":memory:\" would be seen by no other process)") + allowed;
    if (path.back() == '/')
        return std::string("it names a directory") + allowed;
    return {};
}

/// The absolute path, so that a later change of the current directory has no effect.
inline std::string absoluteStorePath(const std::string& path)
{
    return std::filesystem::absolute(path).string();
}

/// The path where SQLite creates the file when `path` is a symbolic link to a missing file; `path` itself when it is not a link.
inline std::string behindLinks(const std::string& path)
{
    constexpr int maxLinks = 40; // the kernel's limit; SQLite finds no file in a cycle of links
    std::filesystem::path place = path;
    std::error_code none;
    for (int links = 0; links < maxLinks && std::filesystem::is_symlink(place, none); ++links)
    {
        const auto next = std::filesystem::read_symlink(place, none);
        if (none)
            break;
        place = place.parent_path() / next; // an absolute target replaces the whole path
    }
    return place.string();
}

} // namespace Leasehold
