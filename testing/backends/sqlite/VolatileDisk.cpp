#include "VolatileDisk.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <new>
#include <sqlite3.h>
#include <stdexcept>
#include <utility>

namespace Leasehold
{
namespace
{

VolatileDisk* disk = nullptr;
sqlite3_vfs* real = nullptr;

/// SQLite's handle of an open file: ours, followed in the same memory by the real one.
struct WatchedFile
{
    sqlite3_file base;
    std::string* path;
};

constexpr std::size_t realFileAt = (sizeof(WatchedFile) + 15) / 16 * 16;

WatchedFile* watched(sqlite3_file* file)
{
    return reinterpret_cast<WatchedFile*>(file);
}

sqlite3_file* realOf(sqlite3_file* file)
{
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + realFileAt);
}

/// A method that calls the real file's.
template <auto method, typename... Arguments>
auto passOn(sqlite3_file* file, Arguments... arguments)
{
    return (realOf(file)->pMethods->*method)(realOf(file), arguments...);
}

int close(sqlite3_file* file)
{
    delete std::exchange(watched(file)->path, nullptr);
    return passOn<&sqlite3_io_methods::xClose>(file);
}

int sync(sqlite3_file* file, int flags)
{
    if (!disk->willSync())
        return SQLITE_IOERR_FSYNC;
    const int code = passOn<&sqlite3_io_methods::xSync>(file, flags);
    if (code == SQLITE_OK)
        disk->synced(*watched(file)->path);
    return code;
}

const sqlite3_io_methods& methods()
{
    using Methods = sqlite3_io_methods;
    static const Methods all = []
    {
        Methods own{};
        own.iVersion = 2; // without memory maps
        own.xClose = &close;
        own.xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 at) { return passOn<&Methods::xRead>(f, to, size, at); };
        own.xWrite = [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at)
        { return passOn<&Methods::xWrite>(f, from, size, at); };
        own.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return passOn<&Methods::xTruncate>(f, size); };
        own.xSync = &sync;
        own.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return passOn<&Methods::xFileSize>(f, size); };
        own.xLock = [](sqlite3_file* f, int level) { return passOn<&Methods::xLock>(f, level); };
        own.xUnlock = [](sqlite3_file* f, int level) { return passOn<&Methods::xUnlock>(f, level); };
        own.xCheckReservedLock = [](sqlite3_file* f, int* held) { return passOn<&Methods::xCheckReservedLock>(f, held); };
        own.xFileControl = [](sqlite3_file* f, int what, void* about) { return passOn<&Methods::xFileControl>(f, what, about); };
        own.xSectorSize = [](sqlite3_file* f) { return passOn<&Methods::xSectorSize>(f); };
        own.xDeviceCharacteristics = [](sqlite3_file* f) { return passOn<&Methods::xDeviceCharacteristics>(f); };
        own.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** map)
        { return passOn<&Methods::xShmMap>(f, page, size, extend, map); };
        own.xShmLock = [](sqlite3_file* f, int first, int count, int flags) { return passOn<&Methods::xShmLock>(f, first, count, flags); };
        own.xShmBarrier = [](sqlite3_file* f) { passOn<&Methods::xShmBarrier>(f); };
        own.xShmUnmap = [](sqlite3_file* f, int remove) { return passOn<&Methods::xShmUnmap>(f, remove); };
        return own;
    }();
    return all;
}

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* outFlags)
{
    auto* own = new (file) WatchedFile{};
    const int code = real->xOpen(real, name, realOf(file), flags, outFlags);
    if (!realOf(file)->pMethods)
        return code; // SQLite will not close it
    own->path = new std::string(name ? name : "");
    own->base.pMethods = &methods();
    return code;
}

sqlite3_vfs& layer()
{
    static sqlite3_vfs one = []
    {
        real = sqlite3_vfs_find(nullptr);
        sqlite3_vfs own = *real;
        own.pNext = nullptr;
        own.zName = "volatile";
        own.szOsFile += static_cast<int>(realFileAt);
        own.xOpen = &open;
        return own;
    }();
    return one;
}

std::string contentsOf(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

VolatileDisk::VolatileDisk()
{
    if (disk || sqlite3_vfs_register(&layer(), 1) != SQLITE_OK)
        throw std::runtime_error("there is a volatile disk already");
    disk = this;
}

VolatileDisk::~VolatileDisk()
{
    sqlite3_vfs_unregister(&layer());
    disk = nullptr;
}

void VolatileDisk::leaveAfterPowerFailure(const std::string& from, const std::string& to) const
{
    const std::lock_guard lock(_mutex);
    for (const char* suffix : {"", "-wal"})
    {
        std::ofstream out(to + suffix, std::ios::binary | std::ios::trunc);
        if (const auto safe = _safe.find(from + suffix); safe != _safe.end())
            out << safe->second;
    }
}

int VolatileDisk::syncsOf(const std::string& path) const
{
    const std::lock_guard lock(_mutex);
    const auto found = _syncs.find(path);
    return found == _syncs.end() ? 0 : found->second;
}

void VolatileDisk::beforeNextSync(std::function<void()> action)
{
    const std::lock_guard lock(_mutex);
    _beforeNextSync = std::move(action);
}

void VolatileDisk::failNextSync()
{
    const std::lock_guard lock(_mutex);
    _failsNextSync = true;
}

bool VolatileDisk::willSync()
{
    std::function<void()> action;
    bool fails = false;
    {
        const std::lock_guard lock(_mutex);
        action.swap(_beforeNextSync);
        fails = std::exchange(_failsNextSync, false);
    }
    if (action)
        action();
    return !fails;
}

void VolatileDisk::synced(const std::string& path)
{
    auto contents = contentsOf(path);
    const std::lock_guard lock(_mutex);
    _safe[path] = std::move(contents);
    ++_syncs[path];
}

} // namespace Leasehold
