#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace Leasehold::Bench
{

/// The text of a POST to the engine on the loopback, with a body of JSON lines or of one JSON object.
std::string postRequest(int port, const std::string& path, const std::string& body);

/// How many bytes of `received` are one whole answer; 0: not yet. Throws std::runtime_error for an answer without a length.
std::size_t wholeAnswer(std::string_view received);

/// The status of a whole answer.
int statusOf(std::string_view answer);

/// One keep-alive connection, and nothing else: what an HTTP client on the loopback cannot do without. For one thread.
class RawConnection
{
public:
    explicit RawConnection(int port);
    ~RawConnection();
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;

    /// The whole answer, head and body; valid until the next call. Throws std::runtime_error unless its status is 200,
    /// 201, or 409: others changed the document meanwhile, try again.
    std::string_view exchange(std::string_view request);

    int socket() const { return _socket; }

private:
    int _socket = -1;
    std::string _received;
};

/// The two requests with which the store takes and gives back one lock, by themselves, byte by byte as the store sends them, but for a
/// token that is counted rather than drawn.
class RawLock
{
public:
    RawLock(int port, const std::string& index, const std::string& name);

    /// Of a new owner.
    const std::string& acquire();
    /// After the answer to acquire(); throws std::runtime_error if it is not a grant.
    const std::string& release(std::string_view granted);

    /// Throws std::runtime_error if the answer does not say that the lock was released.
    static void requireReleased(std::string_view answer);

private:
    std::string _acquire, _release;
    std::size_t _tokenInAcquire, _tokenInRelease, _fenceInRelease;
};

} // namespace Leasehold::Bench
