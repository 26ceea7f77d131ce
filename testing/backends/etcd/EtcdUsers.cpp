#include "EtcdUsers.h"

#include "EtcdAnswer.h"
#include "base64.h"
#include "txnText.h"

namespace Leasehold::EtcdUsers
{

namespace
{

constexpr const char* workerInJson = R"({"name":"worker","password":"pass\"word\\1"})";

std::string logIn(const EtcdServer& server, const std::string& user)
{
    return Etcd::readToken(server.post("/v3/auth/authenticate", user)).value();
}

} // namespace

void switchOn(const EtcdServer& server, const std::string& prefix)
{
    server.post("/v3/auth/user/add", R"({"name":"root","password":"root"})");
    server.post("/v3/auth/role/add", R"({"name":"root"})");
    server.post("/v3/auth/user/grant", R"({"user":"root","role":"root"})");
    server.post("/v3/auth/user/add", workerInJson);
    server.post("/v3/auth/role/add", R"({"name":"locks"})");
    server.post("/v3/auth/role/grant", R"({"name":"locks","perm":{"permType":"READWRITE","key":")" + Etcd::base64(prefix) +
                                           R"(","range_end":")" + Etcd::base64(Etcd::endOfPrefix(prefix)) + R"("}})");
    server.post("/v3/auth/user/grant", R"({"user":"worker","role":"locks"})");
    server.post("/v3/auth/enable", "{}");
}

std::string logInAsWorker(const EtcdServer& server)
{
    return logIn(server, workerInJson);
}

void endTokens(const EtcdServer& server)
{
    server.post("/v3/auth/user/changepw", workerInJson, logIn(server, R"({"name":"root","password":"root"})"));
}

} // namespace Leasehold::EtcdUsers
