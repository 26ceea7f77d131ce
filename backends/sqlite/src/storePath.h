#pragma once

#include <filesystem>
#include <string>

namespace Leasehold
{

/// Empty: `path` can name a database file that processes share. Else: what is wrong, and what is allowed.
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

/// Independent of a later change of the current directory.
inline std::string absoluteStorePath(const std::string& path)
{
    return std::filesystem::absolute(path).string();
}

/// Where SQLite makes the file when `path` is a symbolic link to nothing; `path` itself when it is no link.
inline std::string behindLinks(const std::string& path)
{
    constexpr int mostLinks = 40; // as the kernel allows; in a circle SQLite finds no file either
    std::filesystem::path place = path;
    std::error_code none;
    for (int links = 0; links < mostLinks && std::filesystem::is_symlink(place, none); ++links)
    {
        const auto next = std::filesystem::read_symlink(place, none);
        if (none)
            break;
        place = place.parent_path() / next; // an absolute one replaces it all
    }
    return place.string();
}

} // namespace Leasehold
