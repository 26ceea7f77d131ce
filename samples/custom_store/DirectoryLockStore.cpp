#include "DirectoryLockStore.h"

#include <Leasehold/Exceptions.h>
#include <Leasehold/Store/RecordSteps.h>
#include <Leasehold/Store/StoreRegistry.h>
#include <Leasehold/Store/StoreSettings.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using namespace Leasehold;
using LeaseRules::Record;
using LeaseRules::StorageNow;
namespace fs = std::filesystem;

namespace
{

constexpr const char* format = "leasehold-directory-1";
constexpr const char* suffix = ".lock";
constexpr std::size_t maxFileName = 200;
constexpr std::size_t maxPruned = 1000;

/// Locks the directory against all other threads and processes; the kernel unlocks it when the process dies.
class DirectoryGuard
{
public:
    DirectoryGuard(const fs::path& directory, const CallContext& context)
    {
        std::error_code ignored; // an error shows when the file is opened
        fs::create_directories(directory, ignored);
        const auto path = directory / "guard";
        _file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (_file < 0)
            throw LockStoreError("the lock directory " + directory.string() + " cannot be used: " + std::strerror(errno));
        try
        {
            enter(directory, context);
        }
        catch (...)
        {
            ::close(_file);
            throw;
        }
    }
    ~DirectoryGuard() { ::close(_file); }
    DirectoryGuard(const DirectoryGuard&) = delete;
    DirectoryGuard& operator=(const DirectoryGuard&) = delete;

private:
    void enter(const fs::path& directory, const CallContext& context) const
    {
        for (;;)
        {
            if (context.timeLeft() <= Milliseconds{0} || context.cancel().stop_requested())
                throw LockStoreUnavailable("the lock directory " + directory.string() +
                                           " was not free before the call's deadline or cancellation; nothing changed");
            if (::flock(_file, LOCK_EX | LOCK_NB) == 0)
                return;
            if (errno != EWOULDBLOCK && errno != EINTR)
                throw LockStoreError("the lock directory " + directory.string() + " cannot be locked: " + std::strerror(errno));
            std::this_thread::sleep_for(Milliseconds{1}); // flock has no deadline, so the store asks again
        }
    }

    int _file = -1;
};

std::string toHex(const std::string& bytes)
{
    constexpr const char* digits = "0123456789abcdef";
    std::string hex;
    for (const unsigned char byte : bytes)
        hex.append({digits[byte / 16], digits[byte % 16]});
    return hex;
}

std::string fromHex(const std::string& hex)
{
    std::string bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
    return bytes;
}

/// A name has up to 512 bytes of any value, which a file name must not have: so it is written in hexadecimal, in parts.
fs::path fileOf(const fs::path& directory, const std::string& name)
{
    const auto hex = toHex(name);
    fs::path path = directory;
    std::size_t at = 0;
    for (; hex.size() - at > maxFileName; at += maxFileName)
        path /= hex.substr(at, maxFileName);
    return path / (hex.substr(at) + suffix);
}

/// The records of a directory, for as long as it is locked.
class LockedDirectory
{
public:
    LockedDirectory(const fs::path& directory, const CallContext& context) : _directory(directory), _guard(directory, context) {}

    std::optional<Record> load(const std::string& name) const
    {
        const auto file = fileOf(_directory, name);
        std::ifstream in(file);
        if (!in)
        {
            if (fs::exists(file))
                throw LockStoreError("the lock file " + file.string() + " cannot be read; check its permissions");
            return std::nullopt;
        }
        Record record;
        std::string version;
        int standing = 0;
        in >> version >> std::quoted(record.token) >> record.fence >> standing >> record.acquiredAt >> record.expiresAt >> record.ttl >>
            std::quoted(record.metadata) >> record.wantedUntil;
        if (!in || version != format)
            throw LockStoreError("the lock file " + file.string() + " was not written by this version of the store; move it away");
        record.standing = static_cast<LeaseRules::Standing>(standing);
        return record;
    }

    /// Renames a complete file into place: a process may be killed at any moment.
    void save(const std::string& name, const Record& record)
    {
        const auto file = fileOf(_directory, name);
        fs::create_directories(file.parent_path());
        const auto draft = file.string() + ".draft";
        std::ofstream out(draft);
        out << format << ' ' << std::quoted(record.token) << ' ' << record.fence << ' ' << static_cast<int>(record.standing) << ' '
            << record.acquiredAt << ' ' << record.expiresAt << ' ' << record.ttl << ' ' << std::quoted(record.metadata) << ' '
            << record.wantedUntil << std::endl;
        if (!out)
            throw LockStoreUnavailable("the lock file " + draft + " cannot be written; check the space on its disk");
        fs::rename(draft, file);
    }

    bool erase(const std::string& name) { return fs::remove(fileOf(_directory, name)); }

    /// In the order of their bytes.
    std::vector<std::string> names() const
    {
        std::vector<std::string> names;
        for (const auto& entry : fs::recursive_directory_iterator(_directory))
        {
            if (entry.path().extension() != suffix)
                continue;
            auto hex = fs::relative(entry.path(), _directory).replace_extension().string();
            std::erase(hex, '/');
            names.push_back(fromHex(hex));
        }
        std::ranges::sort(names);
        return names;
    }

private:
    const fs::path& _directory;
    const DirectoryGuard _guard;
};

} // namespace

DirectoryLockStore::DirectoryLockStore(fs::path directory, Now now) : _directory(std::move(directory)), _now(std::move(now)) {}

StorageNow DirectoryLockStore::timeOfDay()
{
    using namespace std::chrono;
    const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    return {now / 1000, now};
}

StoreInfo DirectoryLockStore::info() const
{
    StoreInfo info;
    info.type = "directory";
    info.location = _directory.string();
    info.clockUncertainty = Milliseconds{1}; // whole milliseconds
    info.reservesFences = true;              // RecordSteps does it
    info.tellsWanted = true;                 // the same
    return info;
}

void DirectoryLockStore::prepare(const CallContext& context)
{
    const LockedDirectory directory(_directory, context);
}

AcquireReply DirectoryLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    LockedDirectory directory(_directory, context);
    return RecordSteps::acquire(directory, request, _now());
}

std::vector<RenewReply> DirectoryLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    LockedDirectory directory(_directory, context);
    std::vector<RenewReply> replies;
    for (const auto& request : requests)
        replies.push_back(RecordSteps::renew(directory, request, _now()));
    return replies;
}

ReleaseReply DirectoryLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    LockedDirectory directory(_directory, context);
    return RecordSteps::release(directory, lease, _now());
}

std::optional<LockRecord> DirectoryLockStore::find(const std::string& name, const CallContext& context)
{
    LockedDirectory directory(_directory, context);
    return RecordSteps::find(directory, name, _now());
}

std::vector<LockRecord> DirectoryLockStore::list(const ListQuery& query, const CallContext& context)
{
    LockedDirectory directory(_directory, context);
    std::vector<LockRecord> page;
    for (const auto& name : directory.names())
    {
        if (name <= query.after || !name.starts_with(query.prefix) || page.size() == query.limit)
            continue;
        if (auto lock = RecordSteps::find(directory, name, _now()))
            page.push_back(std::move(*lock));
    }
    return page;
}

bool DirectoryLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    LockedDirectory directory(_directory, context);
    return RecordSteps::breakLock(directory, name, expected, mode, _now());
}

std::size_t DirectoryLockStore::prune(Milliseconds retention, const CallContext& context)
{
    LockedDirectory directory(_directory, context);
    std::size_t pruned = 0;
    for (const auto& name : directory.names())
    {
        const auto record = directory.load(name);
        if (pruned < maxPruned && record && LeaseRules::isForgettable(*record, retention, _now()) && directory.erase(name))
            ++pruned;
    }
    return pruned;
}

void registerDirectoryStore(StoreRegistry& registry)
{
    registry.add("directory", [](StoreSettings& settings) { return std::make_shared<DirectoryLockStore>(settings.text("path")); });
}
