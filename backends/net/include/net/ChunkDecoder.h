#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace Leasehold::Net
{

/// Takes the chunks of an HTTP body apart, from bytes that come in pieces of any size. POCO's decoder cannot go on after a read that ended
/// at its deadline.
class ChunkDecoder
{
public:
    /// Appends what `bytes` add to the body to `body`. Throws std::runtime_error if they are not chunks; then nothing more may be fed.
    /// Bytes after the end of the body are ignored.
    void feed(std::string_view bytes, std::string& body);
    /// The last chunk and the trailer have come.
    bool isOver() const noexcept { return _state == State::over; }

private:
    enum class State
    {
        size,    // the line with a chunk's size
        data,    // its bytes
        dataEnd, // the line end after them
        trailer, // lines after the last chunk; an empty one ends the body
        over
    };

    void endLine();

    State _state = State::size;
    std::string _line;
    std::uint64_t _left = 0; // bytes of the chunk
};

} // namespace Leasehold::Net
