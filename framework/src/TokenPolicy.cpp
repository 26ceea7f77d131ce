#include "Leasehold/LockPolicy.h"

#include "Leasehold/Exceptions.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/random.h>
#ifndef __linux__
#include <unistd.h>
#endif

namespace Leasehold
{
namespace
{

using TokenBytes = std::array<unsigned char, 16>;

/// getrandom returns so few bytes all at once. Only a signal before the system has enough entropy can interrupt it.
bool drawBytes(TokenBytes& bytes)
{
#ifdef __linux__
    ssize_t drawn = 0;
    do
        drawn = ::getrandom(bytes.data(), bytes.size(), 0);
    while (drawn < 0 && errno == EINTR);
    return drawn == static_cast<ssize_t>(bytes.size());
#else
    return ::getentropy(bytes.data(), bytes.size()) == 0;
#endif
}

} // namespace

std::string drawToken()
{
    TokenBytes bytes{};
    if (!drawBytes(bytes))
        throw LockException(std::string("the operating system gave no random bytes for an owner token: ") + std::strerror(errno));
    constexpr char digits[] = "0123456789abcdef";
    std::string token(bytes.size() * 2, '0');
    auto place = token.begin();
    for (const auto byte : bytes)
    {
        *place++ = digits[byte >> 4];
        *place++ = digits[byte & 0xF];
    }
    return token;
}

void TokenPolicy::validate() const
{
    if (!draw)
        throw LockConfigurationError("TokenPolicy::draw is empty; leave it at drawToken, or set a function whose results never repeat");
}

} // namespace Leasehold
