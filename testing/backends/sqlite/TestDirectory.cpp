#include "TestDirectory.h"

#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace Leasehold
{
namespace fs = std::filesystem;

TestDirectory::TestDirectory()
{
    auto name = (fs::temp_directory_path() / "leasehold-sqlite-XXXXXX").string();
    if (!::mkdtemp(name.data()))
        throw std::runtime_error("cannot make a directory in " + fs::temp_directory_path().string());
    _path = name;
    fs::permissions(_path, fs::perms::all);
}

TestDirectory::~TestDirectory()
{
    std::error_code ignored; // the system cleans up temporary files that cannot be removed here
    fs::permissions(_path, fs::perms::all, ignored);
    fs::remove_all(_path, ignored);
}

} // namespace Leasehold
