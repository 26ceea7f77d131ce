#include "FencedFile.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>

namespace
{

[[noreturn]] void fail(const std::string& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

class Descriptor
{
public:
    Descriptor(const std::string& path, int flags) : _path(path), _fd(::open(path.c_str(), flags | O_CLOEXEC, 0666))
    {
        if (_fd < 0)
            fail("cannot open " + path);
    }
    ~Descriptor() { ::close(_fd); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    void lockAlone() const
    {
        while (::flock(_fd, LOCK_EX) != 0)
            if (errno != EINTR)
                fail("cannot lock " + _path);
    }

    void writeAll(const std::string& text) const
    {
        for (std::size_t done = 0; done < text.size();)
        {
            const auto written = ::write(_fd, text.data() + done, text.size() - done);
            if (written < 0 && errno != EINTR)
                fail("cannot write " + _path);
            done += written > 0 ? static_cast<std::size_t>(written) : 0;
        }
        if (::fsync(_fd) != 0)
            fail("cannot flush " + _path);
    }

private:
    const std::string _path;
    const int _fd;
};

} // namespace

FencedFile::Content FencedFile::load() const
{
    Content content;
    std::ifstream file(_path, std::ios::binary);
    if (!file)
        return content;
    std::string word;
    if (!(file >> word >> content.fence) || word != "fence" || file.get() != '\n')
        throw std::system_error(EINVAL, std::generic_category(), _path + " does not begin with a fence; repair its first line");
    std::ostringstream rest;
    rest << file.rdbuf();
    content.data = rest.str();
    return content;
}

void FencedFile::store(const Content& content) const
{
    const std::string next = _path + ".new";
    Descriptor(next, O_WRONLY | O_CREAT | O_TRUNC).writeAll("fence " + std::to_string(content.fence) + "\n" + content.data);
    if (std::rename(next.c_str(), _path.c_str()) != 0)
        fail("cannot replace " + _path);
}

void FencedFile::transact(const std::function<Leasehold::Fence(Leasehold::Fence)>& step)
{
    const std::lock_guard guard(_mutex); // flock is per descriptor, and _open is ours
    const Descriptor lockFile(_path + ".lock", O_RDWR | O_CREAT);
    lockFile.lockAlone();

    Content content = load();
    _open = &content;
    content.fence = step(content.fence); // if it throws, the file has not been touched
    store(content);
}

std::string FencedFile::read()
{
    const std::lock_guard guard(_mutex);
    return load().data;
}

void FencedFile::replace(Leasehold::Fence fence, const std::string& data)
{
    write(fence, [&] { _open->data = data; });
}
