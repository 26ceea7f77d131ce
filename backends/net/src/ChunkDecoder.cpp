#include "net/ChunkDecoder.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace Leasehold::Net
{

namespace
{

constexpr std::size_t maxLineLength = 4096;

/// "1a2b" or "1a2b;extension".
std::uint64_t sizeIn(const std::string& line)
{
    std::uint64_t size = 0;
    const char* const end = line.data() + line.size();
    const auto [stop, problem] = std::from_chars(line.data(), end, size, 16);
    if (problem != std::errc{} || (stop != end && *stop != ';' && *stop != ' ' && *stop != '\t'))
        throw std::runtime_error("a chunk has no valid size");
    return size;
}

} // namespace

void ChunkDecoder::feed(std::string_view bytes, std::string& body)
{
    while (!bytes.empty() && _state != State::over)
    {
        if (_state == State::data)
        {
            const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(_left, bytes.size()));
            body.append(bytes.substr(0, taken));
            bytes.remove_prefix(taken);
            _left -= taken;
            if (_left == 0)
                _state = State::dataEnd;
            continue;
        }
        const auto end = bytes.find('\n');
        _line.append(bytes.substr(0, end));
        if (_line.size() > maxLineLength)
            throw std::runtime_error("a line between chunks is too long");
        if (end == std::string_view::npos)
            return;
        bytes.remove_prefix(end + 1);
        if (!_line.empty() && _line.back() == '\r')
            _line.pop_back();
        endLine();
        _line.clear();
    }
}

void ChunkDecoder::endLine()
{
    switch (_state)
    {
    case State::size:
        _left = sizeIn(_line);
        _state = _left == 0 ? State::trailer : State::data;
        break;
    case State::dataEnd:
        if (!_line.empty())
            throw std::runtime_error("a chunk is longer than its size");
        _state = State::size;
        break;
    case State::trailer:
        if (_line.empty())
            _state = State::over;
        break;
    case State::data:
    case State::over:
        break;
    }
}

} // namespace Leasehold::Net
