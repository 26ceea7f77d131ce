#pragma once

#include <cstdint>
#include <string>

struct sqlite3;

namespace Leasehold
{

/// A plain SQLite connection to a database file, as an operator or another program uses it.
class RawDatabase
{
public:
    explicit RawDatabase(const std::string& path);
    ~RawDatabase();
    RawDatabase(const RawDatabase&) = delete;
    RawDatabase& operator=(const RawDatabase&) = delete;

    /// Throws std::runtime_error with SQLite's message.
    void run(const std::string& sql);
    /// The first column of the first row.
    std::string text(const std::string& sql);
    std::int64_t number(const std::string& sql) { return std::stoll(text(sql)); }

private:
    sqlite3* _handle = nullptr;
};

} // namespace Leasehold
