#include "EtcdFixture.h"

#include "txnText.h"

#include <cppunit/TestAssert.h>

#include <sstream>

namespace Leasehold
{

void EtcdFixture::setUp()
{
    static int tests = 0;
    prefix = "test-" + std::to_string(++tests);
}

EtcdOptions EtcdFixture::options() const
{
    EtcdOptions options;
    options.nodes = {server().url()};
    options.prefix = prefix;
    return options;
}

std::unique_ptr<EtcdLockStore> EtcdFixture::open(const EtcdOptions& options)
{
    auto store = std::make_unique<EtcdLockStore>(options);
    store->prepare(context());
    return store;
}

Etcd::TxnAnswer EtcdFixture::txn(const std::string& compares, const std::string& success, const std::string& failure) const
{
    const auto answer = Etcd::readTxn(server().post("/v3/kv/txn", Etcd::txnText(compares, success, failure)));
    CPPUNIT_ASSERT(answer);
    return *answer;
}

double EtcdFixture::calls(const EtcdServer& server, const std::string& method)
{
    std::istringstream lines(server.ask("GET", "/metrics").body);
    double sum = 0;
    for (std::string line; std::getline(lines, line);)
    {
        if (line.starts_with("grpc_server_started_total{") && line.find("grpc_method=\"" + method + '"') != std::string::npos)
            sum += std::stod(line.substr(line.rfind(' ')));
    }
    return sum;
}

} // namespace Leasehold
