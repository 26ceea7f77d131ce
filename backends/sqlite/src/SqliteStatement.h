#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3_stmt;

namespace Leasehold
{

class SqliteConnection;

/// A statement that is prepared at its first execution and kept as long as its connection.
class SqliteStatement
{
public:
    /// `sql` must outlive it.
    SqliteStatement(SqliteConnection& connection, std::string_view sql) : _connection(connection), _sql(sql) {}
    ~SqliteStatement();
    SqliteStatement(const SqliteStatement&) = delete;
    SqliteStatement& operator=(const SqliteStatement&) = delete;

    /// One execution: its destructor resets the statement. Bound values must outlive it.
    class Execution
    {
    public:
        explicit Execution(SqliteStatement& statement) : _statement(statement) {}
        ~Execution();
        Execution(const Execution&) = delete;
        Execution& operator=(const Execution&) = delete;

        Execution& bind(int parameter, std::string_view text);
        Execution& bind(int parameter, std::int64_t number);

        /// True: there is a row; false: the statement is done. Throws as throwTrouble does.
        bool step();
        /// For a statement without rows.
        void run();

        std::int64_t number(int column) const;
        std::string text(int column) const { return std::string(view(column)); }
        /// The same without a copy; valid until the next step or the end of the execution.
        std::string_view view(int column) const;

    private:
        SqliteStatement& _statement;
    };

    /// Throws as throwTrouble does.
    Execution execute();
    /// Must be called before the connection closes if the statement lives longer.
    void forget() noexcept;

private:
    SqliteConnection& _connection;
    const std::string_view _sql;
    sqlite3_stmt* _statement = nullptr;
};

} // namespace Leasehold
