#pragma once

#include <Leasehold/FenceGuard.h>

#include <memory>
#include <mutex>
#include <string>

struct sqlite3;

/// A SQLite table that refuses stale holders: the highest fence that it has seen stands in a row of the same database, and
/// every step is one transaction. Throws std::runtime_error with SQLite's message if the database cannot be used.
class FencedTable : public Leasehold::FenceGuard
{
public:
    /// Makes the table `counter` (one row, 0) if it is missing.
    explicit FencedTable(const std::string& path);
    ~FencedTable() override;

    /// The counter. The holder calls enter(fence) before it reads.
    long long value();

    /// Sets it. Throws Leasehold::StaleFenceError if the table has seen a greater fence; nothing has changed then.
    void setValue(Leasehold::Fence fence, long long value);

protected:
    void transact(const std::function<Leasehold::Fence(Leasehold::Fence highest)>& step) override;

private:
    void run(const std::string& sql);
    long long ask(const char* sql);

    struct Closer
    {
        void operator()(sqlite3* database) const noexcept;
    };
    std::unique_ptr<sqlite3, Closer> _database;
    std::mutex _mutex; // one transaction at a time on this connection
};
