#include "EndToEndSuite.h"

#include <Poco/File.h>

#include <sqlite3.h>

namespace Leasehold
{

/// All of it on one SQLite file.
class SQLiteEndToEndTest : public EndToEndSuite
{
    CPPUNIT_TEST_SUB_SUITE(SQLiteEndToEndTest, EndToEndSuite);
    CPPUNIT_TEST_SUITE_END();

    std::string path() const { return folder() + "/locks.db"; }

    std::string emptyStorage() override { return "sqlite://" + path(); }

    std::size_t countTables() override
    {
        if (!Poco::File(path()).exists())
            return 0;
        sqlite3* database = nullptr;
        sqlite3_stmt* statement = nullptr;
        CPPUNIT_ASSERT_EQUAL(SQLITE_OK, sqlite3_open(path().c_str(), &database));
        CPPUNIT_ASSERT_EQUAL(
            SQLITE_OK, sqlite3_prepare_v2(database, "SELECT count(*) FROM sqlite_master WHERE type = 'table'", -1, &statement, nullptr));
        CPPUNIT_ASSERT_EQUAL(SQLITE_ROW, sqlite3_step(statement));
        const auto count = static_cast<std::size_t>(sqlite3_column_int(statement, 0));
        sqlite3_finalize(statement);
        sqlite3_close(database);
        return count;
    }

    /// Another process is in the middle of a transaction, and stays there.
    void freeze() override
    {
        _blocker = worker({"block", path()});
        CPPUNIT_ASSERT_EQUAL(std::string("blocking"), _blocker->hear());
    }
    void thaw() override { _blocker.reset(); }

    int hangTrials() const override { return 4; }

    std::unique_ptr<TestProgram> _blocker;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteEndToEndTest);

} // namespace Leasehold
