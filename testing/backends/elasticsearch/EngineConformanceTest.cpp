#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/TestRunner.h"
#include "Leasehold/registerConformance.h"
#include "sharedEngine.h"

#include <stdexcept>
#include <thread>

#include <unistd.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// An index for each test, on a real node that all tests of the program share.
template <EngineKind kind>
class EngineHarness : public StoreHarness,
                      public ClockAhead,
                      public StorageRestart,
                      public StorageLoss,
                      public StorageBackup,
                      public NewerSchema,
                      public Outage,
                      public Processes
{
public:
    ~EngineHarness() override
    {
        try
        {
            node().resume(); // a failed test may have left it hanging
            node().ask("DELETE", "/" + _index + "-*?expand_wildcards=all");
        }
        catch (const std::exception&)
        {
            // The node ends with the program, and its index with it.
        }
    }

    std::shared_ptr<LockStore> openStore() override { return openElsewhere(location()); }
    void advance(Milliseconds span) override { std::this_thread::sleep_for(span); }
    Milliseconds shortTtl() const override { return 1s; }

    void pretendClockWasAhead(const std::string& name, Milliseconds by) override
    {
        operate("POST", "/" + _index + "-1/_update/" + name,
                R"({"script":{"source":"ctx._source.expires += params.by","params":{"by":)" + std::to_string(by.count()) + "}}}");
    }
    void restartStorage() override { node().restart(); }
    void emptyStorage() override { operate("DELETE", "/" + _index + "-1"); }
    void backUp() override { clone("-1", "-backup"); }
    void restoreBackup() override
    {
        emptyStorage();
        clone("-backup", "-1");
        operate("PUT", "/" + _index + "-1/_alias/" + _index, R"({"is_write_index":true})");
    }
    void writeNewerSchema() override { operate("PUT", "/" + _index + "-1/_mapping", R"({"_meta":{"schema":1000}})"); }
    void cutOff() override { node().pause(); }
    void reconnect() override { node().resume(); }

    std::string location() const override { return node().url() + " " + _index; }
    Milliseconds realTtl() const override { return 1s; }
    static std::shared_ptr<LockStore> openElsewhere(const std::string& location)
    {
        const auto space = location.find(' ');
        ElasticsearchOptions options;
        options.nodes = {location.substr(0, space)};
        options.index = location.substr(space + 1);
        options.replicas = 0;
        return std::make_shared<ElasticsearchLockStore>(std::move(options));
    }

private:
    static EngineNode& node() { return sharedEngine(kind); }

    static void operate(const std::string& method, const std::string& path, const std::string& body = {})
    {
        const auto reply = node().ask(method, path, body);
        if (reply.status != 200)
            throw std::runtime_error(method + ' ' + path + " was answered with " + std::to_string(reply.status) + ": " + reply.body);
    }

    /// Blocks writing, as an operator does, because only such an index can be cloned.
    void clone(const std::string& from, const std::string& to) const
    {
        const auto source = "/" + _index + from, copy = _index + to;
        operate("PUT", source + "/_settings", R"({"index.blocks.write":true})");
        operate("POST", source + "/_clone/" + copy + "?wait_for_active_shards=1", R"({"settings":{"index.blocks.write":null}})");
        operate("PUT", source + "/_settings", R"({"index.blocks.write":null})");
    }

    static std::string nextIndex()
    {
        static int harnesses = 0;
        return "kit-" + std::to_string(::getpid()) + "-" + std::to_string(++harnesses);
    }

    const std::string _index = nextIndex();
};

} // namespace
} // namespace Leasehold

int main(int argc, char** argv)
{
    using namespace Leasehold;
    registerConformance<EngineHarness<EngineKind::openSearch3>>("opensearch3");
    registerConformance<EngineHarness<EngineKind::elasticsearch7>>("elasticsearch7");
    return runTests(argc, argv);
}
