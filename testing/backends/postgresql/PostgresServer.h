#pragma once

#include "Leasehold/PostgreSQLLockStore.h"
#include "Leasehold/ServerProcess.h"

#include "Leasehold/Durations.h"

#include <map>
#include <string>
#include <vector>

namespace Leasehold
{

/// A PostgreSQL server of its own, with the superuser "lease" and the database "leasehold".
class PostgresServer : public ServerProcess
{
public:
    struct Options
    {
        std::vector<std::string> settings{};        ///< "name=value" of postgresql.conf
        std::string hba{};                          ///< the lines of pg_hba.conf; empty: everybody is trusted
        const PostgresServer* primary = nullptr;    ///< it begins as a standby of this one
        bool hasMovableClock = false;               ///< advanceClock can be used
        std::map<std::string, std::string> files{}; ///< further files in its folder, by name
    };

    /// `kind`: postgresql12, postgresql15 or postgresql18. Starts it.
    explicit PostgresServer(const std::string& kind);
    PostgresServer(const std::string& kind, Options options);
    ~PostgresServer() override;

    /// Moves the clock of the server; back if `by` is negative.
    void advanceClock(Milliseconds by);

    /// The options of a store in this schema.
    PostgreSQLOptions storeOptions(const std::string& schema) const;
    /// "host=127.0.0.1 port=... user=lease dbname=leasehold"
    std::string connectionString() const;

    using Rows = std::vector<std::vector<std::string>>;
    /// Runs SQL as the superuser and returns the rows of the last statement. Throws Poco::RuntimeException.
    Rows query(const std::string& sql) const;
    /// The single value of a query.
    std::string value(const std::string& sql) const;

    /// Makes a standby a primary; returns when it accepts writes.
    void promote();

    /// Stops it as an operator does: every commit is on the disk.
    void stop();
    void pause() override;
    void resume() override;
    void kill() override;

protected:
    void configure() override;
    std::vector<std::string> command() const override;
    std::vector<std::string> environment() const override;
    bool answers() override;

private:
    std::string clockText() const;
    std::vector<pid_t> family() const;

    const std::string _programs;
    const Options _options;
    Milliseconds _ahead{};
    std::vector<pid_t> _paused;
};

/// One session of the superuser or of another user, for what a test does besides the store. It blocks.
class PostgresSession
{
public:
    explicit PostgresSession(const std::string& connectionString);
    ~PostgresSession();
    PostgresSession(const PostgresSession&) = delete;
    PostgresSession& operator=(const PostgresSession&) = delete;

    /// Throws Poco::RuntimeException with the SQLSTATE and the message.
    PostgresServer::Rows query(const std::string& sql);

private:
    void* _connection;
};

} // namespace Leasehold
