#include "fuzzing.h"

#include "net/ChunkDecoder.h"

#include <algorithm>
#include <stdexcept>

namespace Leasehold::Fuzz
{

namespace
{

struct Decoded
{
    std::string body{};
    bool over = false;
    bool refused = false;
};

Decoded decode(std::string_view bytes, std::size_t piece)
{
    Decoded result;
    Net::ChunkDecoder decoder;
    try
    {
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            decoder.feed(bytes.substr(at, piece), result.body);
    }
    catch (const std::runtime_error& error)
    {
        result.refused = true;
        requireReadable(error.what());
    }
    result.over = decoder.isOver();
    return result;
}

} // namespace

void httpChunks(std::string_view input)
{
    if (input.empty())
        return;
    const auto piece = std::max<std::size_t>(1, static_cast<unsigned char>(input.front()));
    const auto bytes = input.substr(1);
    const auto whole = decode(bytes, std::max<std::size_t>(1, bytes.size()));
    const auto inPieces = decode(bytes, piece);
    require(whole.body == inPieces.body && whole.over == inPieces.over && whole.refused == inPieces.refused,
            "the body does not depend on the pieces in which it arrives");
    require(whole.body.size() <= bytes.size(), "a body is no longer than the bytes that carry it");
    require(!(whole.over && whole.refused), "a refused body is never complete");
}

} // namespace Leasehold::Fuzz
