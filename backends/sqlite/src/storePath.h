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

} // namespace Leasehold
