#pragma once

#include <string>
#include <string_view>

namespace Leasehold::Fuzz
{

/// A fuzz target is a function `void NAME(std::string_view input)` in this namespace, one for each parser of foreign bytes, which
/// leasehold_fuzz_target declares. It parses the input and checks the invariants that hold for any bytes. It throws std::logic_error, which
/// names the violated invariant, or lets an exception of the parser escape that the parser must not throw.

/// Throws std::logic_error unless the condition holds.
void require(bool holds, const std::string& what);
/// Throws std::logic_error unless the text is fit for people: printable and of limited length.
void requireReadable(const std::string& message);

} // namespace Leasehold::Fuzz
