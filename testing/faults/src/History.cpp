#include "Leasehold/History.h"

#include <Poco/Exception.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace Leasehold
{
namespace
{

constexpr std::array<std::pair<HistoryKind, const char*>, 14> kinds{{{HistoryKind::granted, "granted"},
                                                                     {HistoryKind::heldSample, "heldSample"},
                                                                     {HistoryKind::notHeldSample, "notHeldSample"},
                                                                     {HistoryKind::toldLost, "toldLost"},
                                                                     {HistoryKind::neverTold, "neverTold"},
                                                                     {HistoryKind::releasing, "releasing"},
                                                                     {HistoryKind::released, "released"},
                                                                     {HistoryKind::releaseRefused, "releaseRefused"},
                                                                     {HistoryKind::releaseUnknown, "releaseUnknown"},
                                                                     {HistoryKind::writing, "writing"},
                                                                     {HistoryKind::wrote, "wrote"},
                                                                     {HistoryKind::refused, "refused"},
                                                                     {HistoryKind::unavailable, "unavailable"},
                                                                     {HistoryKind::failed, "failed"}}};

} // namespace

HostTime hostTime()
{
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return static_cast<HostTime>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

const char* toString(HistoryKind kind)
{
    for (const auto& [candidate, name] : kinds)
    {
        if (candidate == kind)
            return name;
    }
    return "?";
}

std::string formatHistoryLine(const HistoryLine& line)
{
    std::string text = std::to_string(line.time) + " " + toString(line.kind) + " " + line.lock + " " + std::to_string(line.fence) + " " +
                       std::to_string(line.since) + " " + std::to_string(line.until) + " " + line.detail;
    for (char& character : text)
    {
        if (character == '\n')
            character = ' ';
    }
    return text;
}

HistoryLine parseHistoryLine(const std::string& text)
{
    HistoryLine line;
    std::istringstream words(text);
    std::string kind;
    if (!(words >> line.time >> kind >> line.lock >> line.fence >> line.since >> line.until))
        throw Poco::DataFormatException("not a line of a history: " + text);
    for (const auto& [candidate, name] : kinds)
    {
        if (kind == name)
        {
            line.kind = candidate;
            words.get(); // the space
            std::getline(words, line.detail);
            return line;
        }
    }
    throw Poco::DataFormatException("a history knows no \"" + kind + "\": " + text);
}

HistoryWriter::HistoryWriter(const std::string& path) : _file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644))
{
    if (_file < 0)
        throw Poco::FileException("cannot write the history " + path + ": " + std::strerror(errno));
}

HistoryWriter::~HistoryWriter()
{
    ::close(_file);
}

void HistoryWriter::write(const HistoryLine& line)
{
    const std::string text = formatHistoryLine(line) + "\n";
    if (::write(_file, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw Poco::WriteFileException(std::string("cannot append to a history: ") + std::strerror(errno));
}

std::vector<HistoryLine> readHistory(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw Poco::FileNotFoundException("there is no history " + path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::vector<HistoryLine> lines;
    for (std::size_t begin = 0, end = text.find('\n'); end != std::string::npos; begin = end + 1, end = text.find('\n', begin))
        lines.push_back(parseHistoryLine(text.substr(begin, end - begin)));
    return lines;
}

} // namespace Leasehold
