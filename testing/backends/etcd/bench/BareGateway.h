#pragma once

#include <string>
#include <string_view>

namespace Leasehold::Bench
{

/// One keep-alive connection to the JSON gateway, and nothing more. Used by one thread.
class BareGateway
{
public:
    /// `url`: "etcd+http://127.0.0.1:PORT/PREFIX", perhaps with parameters.
    explicit BareGateway(const std::string& url);
    ~BareGateway();
    BareGateway(const BareGateway&) = delete;
    BareGateway& operator=(const BareGateway&) = delete;

    /// The body of the answer, valid until the next call. Throws if the status is not 200.
    std::string_view post(const char* path, std::string_view body);

    static std::string prefixIn(const std::string& url);

private:
    std::string _fields;
    int _socket = -1;
    std::string _received{};
};

} // namespace Leasehold::Bench
