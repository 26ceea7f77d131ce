#pragma once

#include <string>

namespace Leasehold::Net
{

struct HttpRequest
{
    const char* method = "GET";
    std::string path{}; ///< with its query
    std::string body{};
    const char* contentType = "application/json";
    std::string authorization{}; ///< the field Authorization; empty: none
};

/// A complete answer, of whatever status.
struct HttpAnswer
{
    int status = 0;
    std::string contentType{};
    std::string body{};
    std::string node{}; ///< the address that answered, for messages
};

} // namespace Leasehold::Net
