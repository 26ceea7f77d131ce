#include "Leasehold/TestRunner.h"
#include "Leasehold/registerConformance.h"
#include "SQLiteHarness.h"

int main(int argc, char** argv)
{
    using namespace Leasehold;
    registerConformance<WithSQLiteProcesses<SQLiteOneBootHarness>>("sqlite");
    return runTests(argc, argv);
}
