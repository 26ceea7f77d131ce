#include "Leasehold/UpdateFile.h"

#include "Leasehold/Exceptions.h"

#include <Poco/TemporaryFile.h>

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

class UpdateFileTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(UpdateFileTest);
    CPPUNIT_TEST(testUpdatesOfGrowingFencesAreKept);
    CPPUNIT_TEST(testStaleUpdateIsRefusedAfterItsSuccessorHasEntered);
    CPPUNIT_TEST(testUnguardedUpdateOverwritesAnothers);
    CPPUNIT_TEST_SUITE_END();

    using Ids = std::vector<std::string>;

    Poco::TemporaryFile _folder;
    std::string path() const { return _folder.path() + "/updates"; }

public:
    void setUp() override { _folder.createDirectories(); }
    void tearDown() override { _folder.remove(true); }

    void testUpdatesOfGrowingFencesAreKept()
    {
        UpdateFile file(path());
        CPPUNIT_ASSERT(file.read().empty());
        file.enter(5);
        file.overwriteGuarded(5, {"a"});
        file.enter(7);
        file.overwriteGuarded(7, {"a", "b"});
        CPPUNIT_ASSERT((UpdateFile(path()).read() == Ids{"a", "b"}));
    }

    void testStaleUpdateIsRefusedAfterItsSuccessorHasEntered()
    {
        UpdateFile stale(path());
        UpdateFile successor(path());
        stale.enter(5);
        successor.enter(7);
        CPPUNIT_ASSERT_THROW(stale.overwriteGuarded(5, {"a"}), StaleFenceError);
        CPPUNIT_ASSERT_THROW(stale.enter(5), StaleFenceError);
        CPPUNIT_ASSERT(successor.read().empty());
        successor.overwriteGuarded(7, {"b"});
        CPPUNIT_ASSERT((successor.read() == Ids{"b"}));
    }

    void testUnguardedUpdateOverwritesAnothers()
    {
        UpdateFile one(path());
        UpdateFile other(path());
        one.overwrite({"a"});
        other.overwrite({"b"});
        CPPUNIT_ASSERT((one.read() == Ids{"b"}));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UpdateFileTest);

} // namespace Leasehold
