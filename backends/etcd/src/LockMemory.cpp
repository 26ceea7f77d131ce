#include "LockMemory.h"

#include "txnText.h"

#include "Leasehold/Exceptions.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

namespace Leasehold::Etcd
{

namespace
{

constexpr std::size_t digits = 16;
constexpr std::size_t metadataAt = digits + 1 + digits;

std::optional<std::uint64_t> numberIn(std::string_view text)
{
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

} // namespace

std::string LockMemory::text() const
{
    return sixteenDigits(fence) + static_cast<char>(standing) + sixteenDigits(static_cast<std::uint64_t>(std::max<std::int64_t>(time, 0))) +
           metadata;
}

std::optional<LockMemory> LockMemory::read(std::string_view value)
{
    if (value.size() < metadataAt || std::string_view("HBRFXY").find(value[digits]) == std::string_view::npos)
        return std::nullopt;
    const auto fence = numberIn(value.substr(0, digits));
    const auto time = numberIn(value.substr(digits + 1, digits));
    if (!fence || !time || *fence > maxFence)
        return std::nullopt;
    return LockMemory{*fence, static_cast<Standing>(value[digits]), static_cast<std::int64_t>(*time),
                      std::string(value.substr(metadataAt))};
}

std::string heldLowerBound(Fence fence)
{
    return sixteenDigits(fence) + static_cast<char>(Standing::held);
}

std::string heldUpperBound(Fence fence)
{
    return sixteenDigits(fence) + static_cast<char>(static_cast<char>(Standing::held) + 1);
}

std::string tokenHash(const std::string& name, const std::string& token)
{
    const std::string text = name + '\0' + token;
    std::string hash(EVP_MAX_MD_SIZE, '\0');
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(hash.data()), &length, EVP_sha256(), nullptr) != 1)
        throw LockStoreError("OpenSSL cannot compute a SHA-256 hash");
    hash.resize(length);
    return hash;
}

LockRecord recordOf(const std::string& name, const LockMemory& memory, std::int64_t lease, Milliseconds remaining, std::int64_t now)
{
    LockRecord record;
    record.name = name;
    record.fence = memory.fence;
    record.acquiredAt = StorageTime(Milliseconds(memory.time));
    record.ttl = ttlOfLease(lease);
    // The lease lasts a little longer than the TTL, and an election of a leader prolongs it.
    record.remaining = std::clamp(remaining, Milliseconds(0), record.ttl);
    record.expiresAt = StorageTime(Milliseconds(now) + record.remaining);
    record.metadata = memory.metadata;
    record.broken = memory.standing == Standing::broken;
    return record;
}

} // namespace Leasehold::Etcd
