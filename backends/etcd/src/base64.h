#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace Leasehold::Etcd
{

/// The JSON gateway takes and gives all keys and values in base64.
std::string base64(std::string_view bytes);

/// nullopt: the text is not base64 with its padding.
std::optional<std::string> fromBase64(std::string_view text);

} // namespace Leasehold::Etcd
