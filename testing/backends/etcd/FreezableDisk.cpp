#include "FreezableDisk.h"

#include "Leasehold/ChildProcess.h"

#include <Poco/TemporaryFile.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace Leasehold
{

namespace
{

constexpr std::uintmax_t bytes = std::uintmax_t{256} << 20; // etcd reserves 64 MB for its log

/// Runs a program. Throws unless it succeeds.
void run(const std::vector<std::string>& command)
{
    ChildProcess program(command, {.readsInput = false});
    const auto output = program.hearAll();
    if (const int status = program.wait(); status != 0)
        throw std::runtime_error(command.front() + " ended with " + std::to_string(status) + ": " + output);
}

std::string error()
{
    return std::strerror(errno);
}

} // namespace

std::string FreezableDisk::whyNot()
{
    static const std::string reason = []() -> std::string
    {
        if (::geteuid() != 0)
            return "only root may mount a disk";
        if (::unshare(CLONE_NEWNS) != 0)
            return "no mount namespace: " + error();
        if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            return "the mounts cannot be made private: " + error();
        try
        {
            FreezableDisk disk;
            disk.freeze();
            return {};
        }
        catch (const std::runtime_error& problem)
        {
            return problem.what();
        }
    }();
    return reason;
}

FreezableDisk::FreezableDisk() : _folder(Poco::TemporaryFile::tempName()), _mount(_folder + "/disk")
{
    std::filesystem::create_directories(_mount);
    const auto image = _folder + "/image";
    std::ofstream(image).close();
    std::filesystem::resize_file(image, bytes);
    run({"mkfs.ext4", "-q", "-F", image});
    run({"mount", "-o", "loop", image, _mount});
    _descriptor = ::open(_mount.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (_descriptor < 0)
        throw std::runtime_error("cannot open " + _mount + ": " + error());
    std::filesystem::permissions(_mount, std::filesystem::perms::all);
}

FreezableDisk::~FreezableDisk()
{
    if (_descriptor >= 0)
    {
        thaw();
        ::close(_descriptor);
    }
    ::umount2(_mount.c_str(), MNT_DETACH);
    std::error_code ignored;
    std::filesystem::remove_all(_folder, ignored);
}

void FreezableDisk::freeze()
{
    if (::ioctl(_descriptor, FIFREEZE, 0) != 0)
        throw std::runtime_error("cannot freeze " + _mount + ": " + error());
}

void FreezableDisk::thaw()
{
    ::ioctl(_descriptor, FITHAW, 0); // fails if it is not frozen
}

} // namespace Leasehold
