#include "Setting.h"

#include <Poco/TemporaryFile.h>

#include <filesystem>
#include <iostream>
#include <system_error>

namespace Leasehold::Bench
{

Setting::Setting(Wishes wishes) : _wishes(wishes) {}

Setting::~Setting()
{
    std::error_code leftBehind; // a temporary folder
    if (!_folder.empty())
        std::filesystem::remove_all(_folder, leftBehind);
}

BenchEngine& Setting::engine()
{
    if (!_engine)
    {
        std::clog << "  starting the engine" << std::endl;
        _engine = isSmoke() ? BenchEngine::fake() : BenchEngine::real(_wishes.engine);
        _engine->warmUp(pick<std::size_t>(100, 150'000), Seconds(pick(0.1, 60.0)));
    }
    return *_engine;
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
