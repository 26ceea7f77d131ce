#pragma once

#include <string>
#include <string_view>

namespace Leasehold::Fuzz
{

/// One function for each parser of foreign bytes: feeds it with the input and requires what must hold for any bytes at all. Each
/// throws std::logic_error, with what does not hold, or passes on an exception that the parser must not throw.
void duration(std::string_view input);
void storeUrl(std::string_view input);
void nodeAddress(std::string_view input);
void configuration(std::string_view input);
void metadata(std::string_view input);
/// The first byte chooses the status.
void engineAnswer(std::string_view input);
/// Method and target on the first line, the type of the content on the second; the rest is the body.
void fakeRequest(std::string_view input);
void fakeBulk(std::string_view input);

/// Throws std::logic_error unless it holds.
void require(bool holds, const std::string& what);
/// A message for people: printable, and not endless. Throws std::logic_error if it is not.
void requireReadable(const std::string& message);

} // namespace Leasehold::Fuzz
