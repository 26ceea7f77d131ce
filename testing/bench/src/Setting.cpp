#include "Setting.h"

#include <Poco/TemporaryFile.h>

#include <filesystem>
#include <system_error>

namespace Leasehold::Bench
{

Setting::Setting(BenchOptions options) : _options(options) {}

Setting::~Setting()
{
    std::error_code leftBehind; // ignored: the folder is a temporary one
    if (!_folder.empty())
        std::filesystem::remove_all(_folder, leftBehind);
}

const std::string& Setting::folder()
{
    if (_folder.empty())
    {
        const auto folder = Poco::TemporaryFile::tempName();
        std::filesystem::create_directories(folder);
        _folder = folder;
    }
    return _folder;
}

} // namespace Leasehold::Bench
