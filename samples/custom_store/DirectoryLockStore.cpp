#include "DirectoryLockStore.h"

#include <Leasehold/CallContext.h>
#include <Leasehold/Exceptions.h>
#include <Leasehold/StoreRegistry.h>
#include <Leasehold/StoreSettings.h>

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
using LeaseRules::Standing;
using LeaseRules::StorageNow;
namespace fs = std::filesystem;

namespace
{

constexpr const char* format = "leasehold-directory-1";
constexpr const char* suffix = ".lock";
constexpr std::size_t longestFileName = 200;
constexpr std::size_t mostPruned = 1000;

/// The directory alone among all threads and processes; the kernel gives it up for a process that dies.
class DirectoryGuard
{
public:
    DirectoryGuard(const fs::path& directory, const CallContext& context)
    {
        std::error_code ignored; // what is wrong shows when the file is opened
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
            std::this_thread::sleep_for(Milliseconds{1}); // flock knows no deadline: asked again
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

std::optional<Record> read(const fs::path& file)
{
    std::ifstream in(file);
    if (!in)
    {
        if (fs::exists(file))
            throw LockStoreError("the lock file " + file.string() + " cannot be read");
        return std::nullopt;
    }
    Record record;
    std::string version;
    int standing = 0;
    in >> version >> std::quoted(record.token) >> record.fence >> standing >> record.acquiredAt >> record.expiresAt >> record.ttl >>
        std::quoted(record.metadata);
    if (!in || version != format)
        throw LockStoreError("the lock file " + file.string() + " was not written by this version of the store");
    record.standing = static_cast<Standing>(standing);
    return record;
}

/// Whole or not at all: a process may be killed at any moment.
void write(const fs::path& file, const Record& record)
{
    fs::create_directories(file.parent_path());
    const auto draft = file.string() + ".draft";
    std::ofstream out(draft);
    out << format << ' ' << std::quoted(record.token) << ' ' << record.fence << ' ' << static_cast<int>(record.standing) << ' '
        << record.acquiredAt << ' ' << record.expiresAt << ' ' << record.ttl << ' ' << std::quoted(record.metadata) << std::endl;
    if (!out)
        throw LockStoreUnavailable("the lock file " + file.string() + " cannot be written");
    fs::rename(draft, file);
}

LockRecord shown(const std::string& name, const Record& record, const StorageNow& now)
{
    LockRecord result;
    result.name = name;
    result.fence = record.fence;
    result.acquiredAt = StorageTime{Milliseconds{record.acquiredAt}};
    result.expiresAt = StorageTime{Milliseconds{record.expiresAt}};
    result.ttl = Milliseconds{record.ttl};
    result.remaining = LeaseRules::remaining(record, now);
    result.metadata = record.metadata;
    return result;
}

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
    info.sparesFences = true;                // LeaseRules does
    return info;
}

void DirectoryLockStore::prepare(const CallContext& context)
{
    const DirectoryGuard guard(_directory, context);
}

AcquireReply DirectoryLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    const DirectoryGuard guard(_directory, context);
    const auto now = _now();
    const auto file = fileOf(request.name);
    auto record = read(file);
    const auto verdict = LeaseRules::acquire(record, request, now);
    if (verdict.changed)
        write(file, *record);
    AcquireReply reply{verdict.status, {}};
    if (verdict.status == AcquireStatus::spent)
        reply.record.name = request.name;
    else
        reply.record = shown(request.name, *record, now);
    return reply;
}

std::vector<RenewReply> DirectoryLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    const DirectoryGuard guard(_directory, context);
    const auto now = _now();
    std::vector<RenewReply> replies;
    for (const auto& [lease, ttl] : requests)
    {
        const auto file = fileOf(lease.name);
        auto record = read(file);
        const bool renewed = LeaseRules::renew(record, lease, ttl, now);
        if (renewed)
            write(file, *record);
        replies.push_back({renewed ? RenewStatus::renewed : RenewStatus::lost, renewed ? ttl : Milliseconds{0}, {}});
    }
    return replies;
}

ReleaseStatus DirectoryLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    const DirectoryGuard guard(_directory, context);
    const auto file = fileOf(lease.name);
    auto record = read(file);
    bool changed = false;
    const auto status = LeaseRules::release(record, lease, _now(), changed);
    if (changed)
        write(file, *record);
    return status;
}

std::optional<LockRecord> DirectoryLockStore::find(const std::string& name, const CallContext& context)
{
    const DirectoryGuard guard(_directory, context);
    const auto now = _now();
    const auto record = read(fileOf(name));
    if (!record || !LeaseRules::isLive(*record, now))
        return std::nullopt;
    return shown(name, *record, now);
}

std::vector<LockRecord> DirectoryLockStore::list(const ListQuery& query, const CallContext& context)
{
    const DirectoryGuard guard(_directory, context);
    const auto now = _now();
    std::vector<LockRecord> page;
    for (const auto& name : names())
    {
        if (name <= query.after || !name.starts_with(query.prefix) || page.size() == query.limit)
            continue;
        const auto record = read(fileOf(name));
        if (record && LeaseRules::isLive(*record, now))
            page.push_back(shown(name, *record, now));
    }
    return page;
}

bool DirectoryLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    const DirectoryGuard guard(_directory, context);
    const auto file = fileOf(name);
    auto record = read(file);
    const bool broken = LeaseRules::breakLock(record, expected, mode, _now());
    if (broken)
        write(file, *record);
    return broken;
}

std::size_t DirectoryLockStore::prune(Milliseconds retention, const CallContext& context)
{
    const DirectoryGuard guard(_directory, context);
    const auto now = _now();
    std::size_t pruned = 0;
    for (const auto& name : names())
    {
        const auto file = fileOf(name);
        const auto record = read(file);
        if (pruned < mostPruned && record && LeaseRules::isForgettable(*record, retention, now) && fs::remove(file))
            ++pruned;
    }
    return pruned;
}

/// Names are any bytes, up to 512 of them, and file systems are particular: hexadecimal, in parts.
fs::path DirectoryLockStore::fileOf(const std::string& name) const
{
    const auto hex = toHex(name);
    fs::path path = _directory;
    std::size_t at = 0;
    for (; hex.size() - at > longestFileName; at += longestFileName)
        path /= hex.substr(at, longestFileName);
    return path / (hex.substr(at) + suffix);
}

/// In the order of their bytes.
std::vector<std::string> DirectoryLockStore::names() const
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

void registerDirectoryStore(StoreRegistry& registry)
{
    registry.add("directory", [](StoreSettings& settings) { return std::make_shared<DirectoryLockStore>(settings.text("path")); });
}
