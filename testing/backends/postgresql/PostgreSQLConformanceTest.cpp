#include "PostgresServer.h"

#include "Leasehold/TestRunner.h"
#include "Leasehold/registerConformance.h"

#include <array>
#include <map>
#include <memory>

#include <unistd.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

enum Kind
{
    postgresql12,
    postgresql15,
    postgresql18
};
constexpr std::array<const char*, 3> kindNames{"postgresql12", "postgresql15", "postgresql18"};

/// A schema for each test, on a server that all tests of the program share. Its clock moves by advance, and runs on by itself.
template <Kind kind>
class PostgreSQLHarness : public StoreHarness,
                          public ClockAhead,
                          public StorageRestart,
                          public StorageLoss,
                          public StorageBackup,
                          public NewerSchema,
                          public Outage,
                          public Processes
{
public:
    ~PostgreSQLHarness() override
    {
        try
        {
            server().resume(); // a failed test may have left it hanging
            server().query("DROP SCHEMA IF EXISTS " + _schema + " CASCADE");
        }
        catch (const std::exception&)
        {
            // The server ends with the program, and the schema with it.
        }
    }

    std::shared_ptr<LockStore> openStore() override { return openElsewhere(location()); }
    void advance(Milliseconds span) override { server().advanceClock(span); }
    Milliseconds shortTtl() const override { return 3s; }

    void pretendClockWasAhead(const std::string& name, Milliseconds by) override
    {
        server().query("UPDATE " + _schema + ".lock SET expires = expires + " + std::to_string(by.count()) +
                       "::bigint * 1000 WHERE name = '" + name + "'");
    }
    void restartStorage() override
    {
        server().stop();
        server().restart();
    }
    void emptyStorage() override { server().query("TRUNCATE " + _schema + ".lock"); }
    void backUp() override { server().query("CREATE TABLE " + _schema + ".saved AS TABLE " + _schema + ".lock"); }
    void restoreBackup() override
    {
        server().query("TRUNCATE " + _schema + ".lock; INSERT INTO " + _schema + ".lock TABLE " + _schema + ".saved");
    }
    void writeNewerSchema() override { server().query("UPDATE " + _schema + ".lock SET fence = 1000 WHERE name = ''"); }
    void cutOff() override { server().pause(); }
    void reconnect() override { server().resume(); }

    bool setFeedDeaf(bool deaf) override
    {
        if (deaf)
            server().pause();
        else
            server().resume();
        return true;
    }

    std::string location() const override { return std::to_string(server().port()) + " " + _schema; }
    Milliseconds realTtl() const override { return 1s; }
    static std::shared_ptr<LockStore> openElsewhere(const std::string& location)
    {
        const auto space = location.find(' ');
        PostgreSQLOptions options;
        options.hosts = {"127.0.0.1:" + location.substr(0, space)};
        options.user = "lease";
        options.tls = PostgreSQLTls::disable;
        options.schema = location.substr(space + 1);
        return std::make_shared<PostgreSQLLockStore>(std::move(options));
    }

private:
    static PostgresServer& server()
    {
        static PostgresServer shared(kindNames[kind], {.hasMovableClock = true});
        return shared;
    }

    static std::string nextSchema()
    {
        static int harnesses = 0;
        return "kit_" + std::to_string(::getpid()) + "_" + std::to_string(++harnesses);
    }

    const std::string _schema = nextSchema();
};

} // namespace
} // namespace Leasehold

int main(int argc, char** argv)
{
    using namespace Leasehold;
    registerConformance<PostgreSQLHarness<postgresql12>>("postgresql12");
    registerConformance<PostgreSQLHarness<postgresql15>>("postgresql15");
    registerConformance<PostgreSQLHarness<postgresql18>>("postgresql18");
    return runTests(argc, argv);
}
