#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace Leasehold::Bench
{

/// What the raw requests need of a store's URL.
struct IndexAddress
{
    int port = 0; ///< of the loopback
    std::string index{};
};
/// Reads a URL "elasticsearch+http://127.0.0.1:PORT/INDEX?...".
IndexAddress indexAddress(const std::string& url);

/// The text of a POST to the engine on the loopback, with a body of JSON lines or of one JSON object.
std::string postRequest(int port, const std::string& path, const std::string& body);

/// The length of the first whole answer in `received`; 0: it is incomplete. Throws std::runtime_error for an answer without a length.
std::size_t wholeAnswer(std::string_view received);

/// The status of a whole answer.
int statusOf(std::string_view answer);

/// One keep-alive connection and nothing more: the minimum of an HTTP client on the loopback. For one thread.
class RawConnection
{
public:
    explicit RawConnection(int port);
    ~RawConnection();
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;

    /// The whole answer, head and body; valid until the next call. Throws std::runtime_error unless its status is 200,
    /// 201, or 409 (another client changed the document meanwhile; the caller must retry).
    std::string_view exchange(std::string_view request);

    int socket() const { return _socket; }

private:
    int _socket = -1;
    std::string _received;
};

/// The two requests by which the store acquires and releases one lock, byte by byte as the store sends them, except that the token is a
/// counter and not random.
class RawLock
{
public:
    RawLock(int port, const std::string& index, const std::string& name);

    /// The acquire request of a new owner.
    const std::string& acquire();
    /// The release request after the answer to acquire(). Throws std::runtime_error if that is not a grant.
    const std::string& release(std::string_view granted);

    /// Throws std::runtime_error if the answer does not say that the lock was released.
    static void requireReleased(std::string_view answer);

private:
    std::string _acquire, _release;
    std::size_t _tokenInAcquire, _tokenInRelease, _fenceInRelease;
};

} // namespace Leasehold::Bench
