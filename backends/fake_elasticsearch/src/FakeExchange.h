#pragma once

#include <string>

namespace Leasehold::Fake
{

/// A request as received.
struct Request
{
    std::string method{};
    std::string target{}; ///< path and query, encoded
    std::string contentType{};
    std::string body{};
};

/// The answer to a request.
struct Answer
{
    int status = 200;
    std::string contentType = "application/json; charset=UTF-8";
    std::string body{};
};

} // namespace Leasehold::Fake
