#pragma once

#include <filesystem>
#include <string>

namespace Leasehold
{

/// A new directory, removed with its content. Any user may enter it, because some tests give up root's rights.
class TestDirectory
{
public:
    TestDirectory();
    ~TestDirectory();
    TestDirectory(const TestDirectory&) = delete;
    TestDirectory& operator=(const TestDirectory&) = delete;

    const std::filesystem::path& path() const { return _path; }
    std::string file(const std::string& name) const { return (_path / name).string(); }

private:
    std::filesystem::path _path;
};

} // namespace Leasehold
