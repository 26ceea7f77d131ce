#include "Leasehold/UpdateFile.h"

#include <Poco/Exception.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace Leasehold
{
namespace
{

[[noreturn]] void fail(const std::string& what, const std::string& path)
{
    throw Poco::FileException("cannot " + what + " " + path + ": " + std::strerror(errno));
}

/// Locks a file beside the data, because the data file itself is replaced.
class FileLock
{
public:
    explicit FileLock(const std::string& path) : _file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644))
    {
        if (_file < 0)
            fail("open", path);
        while (::flock(_file, LOCK_EX) != 0)
        {
            if (errno != EINTR)
                fail("lock", path);
        }
    }
    ~FileLock() { ::close(_file); }
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

private:
    int _file;
};

} // namespace

UpdateFile::UpdateFile(std::string path) : _path(std::move(path)) {}

std::vector<std::string> UpdateFile::read() const
{
    return load().ids;
}

void UpdateFile::overwrite(const std::vector<std::string>& ids)
{
    store({0, ids});
}

void UpdateFile::overwriteGuarded(Fence fence, const std::vector<std::string>& ids)
{
    write(fence, [this, &ids] { _change = ids; });
}

void UpdateFile::transact(const std::function<Fence(Fence highest)>& step)
{
    const FileLock alone(_path + ".lock");
    auto content = load();
    _change.reset();
    content.highest = step(content.highest);
    if (_change)
        content.ids = *std::exchange(_change, std::nullopt);
    store(content);
}

UpdateFile::Content UpdateFile::load() const
{
    Content content;
    std::ifstream file(_path);
    file >> content.highest;
    for (std::string id; file >> id;)
        content.ids.push_back(id);
    return content;
}

void UpdateFile::store(const Content& content) const
{
    const auto fresh = _path + "." + std::to_string(::gettid());
    {
        std::ofstream file(fresh, std::ios::trunc);
        file << content.highest << '\n';
        for (const auto& id : content.ids)
            file << id << '\n';
        if (!file.flush())
            fail("write", fresh);
    }
    if (std::rename(fresh.c_str(), _path.c_str()) != 0)
        fail("replace", _path);
}

} // namespace Leasehold
