#include "FileSystemCheck.h"

#include "Leasehold/Exceptions.h"
#include "storePath.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sys/vfs.h>

namespace Leasehold::FileSystemCheck
{
namespace
{

struct NamedType
{
    std::uint64_t number;
    const char* name;
};

/// The type numbers of statfs(2), and for modules outside the kernel those of stat(1).
constexpr std::array<NamedType, 23> sharedTypes{{
    {0x6969, "NFS"},
    {0x517b, "SMB"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2/SMB3"},
    {0x01021997, "9p"},
    {0x65735546, "FUSE or virtiofs"},
    {0x00c36400, "Ceph"},
    {0x73757245, "Coda"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},
    {0x564c, "NCP"},
    {0x01161970, "GFS2"},
    {0x7461636f, "OCFS2"},
    {0x0bd00bd0, "Lustre"},
    {0x786f4256, "VirtualBox shared folder"},
    {0xbacbacbc, "VMware shared folder"},
    {0x7c7c6673, "Parallels shared folder"},
    {0x47504653, "GPFS"},
    {0x19830326, "BeeGFS"},
    {0xaad7aaea, "PanFS"},
    {0x20030528, "OrangeFS"},
    {0x00c0ffee, "hostfs"},
    {0x013111a8, "IBRIX"},
}};

/// These file systems give a file a short name too, and SQLite would make another log for it.
constexpr std::array<NamedType, 3> typesWithShortNames{{
    {0x4d44, "FAT"},
    {0x5346544e, "NTFS"},
    {0x7366746e, "NTFS"},
}};

template <std::size_t size>
const char* nameIn(const std::array<NamedType, size>& types, std::uint64_t number)
{
    const auto* found = std::find_if(types.begin(), types.end(), [&](const NamedType& one) { return one.number == number; });
    return found == types.end() ? nullptr : found->name;
}

std::uint64_t askSystem(const std::string& path)
{
    struct statfs about = {};
    int result = 0;
    do
        result = ::statfs(path.c_str(), &about);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        throw LockStoreError("sqlite store: cannot tell the file system of " + path + " (" + std::strerror(errno) +
                             "); the directory must exist and this user must be allowed to search it");
    return static_cast<std::uint32_t>(about.f_type); // signed on some machines
}

} // namespace

void requireFit(const std::string& path, const std::function<std::uint64_t(const std::string&)>& typeOf)
{
    std::error_code ignored; // the check of the directory reports the error
    const bool exists = std::filesystem::exists(path, ignored);
    const auto asked = exists ? path : std::filesystem::path(behindLinks(path)).parent_path().string();
    const auto type = typeOf ? typeOf(asked) : askSystem(asked);
    const auto* const shared = nameIn(sharedTypes, type);
    const auto* const withShortNames = nameIn(typesWithShortNames, type);
    if (!shared && !withShortNames)
        return;
    std::array<char, 16> number{};
    std::snprintf(number.data(), number.size(), "0x%llx", static_cast<unsigned long long>(type));
    if (withShortNames)
        throw LockStoreError("sqlite store " + path + ": it lies on a file system (" + withShortNames + ", type " + number.data() +
                             ") that can give a file a second, short name, and SQLite keeps a log for each name; name a path on another "
                             "local file system, such as ext4, xfs or btrfs");
    throw LockStoreError("sqlite store " + path + ": it lies on a network or shared file system (" + shared + ", type " + number.data() +
                         "), where SQLite does not exclude; name a path on a local disk, or use a store that is made "
                         "for several hosts");
}

} // namespace Leasehold::FileSystemCheck
