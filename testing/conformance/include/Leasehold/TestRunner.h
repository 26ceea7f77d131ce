#pragma once

#include "Leasehold/Export.h"

namespace Leasehold
{

/// The main function of a test program: runs every CppUnit test in the registry.
///
///     PROGRAM                    runs all tests
///     PROGRAM --list             prints their names, one per line, and runs none
///     PROGRAM --only TEXT        runs the tests whose name contains TEXT
///
/// Prints each failure with file and line, and at the end "N passed, M failed". The exit status is 0 only if every test of the registry, or
/// every one of the tests that --only selects (at least one), ran and passed.
LEASEHOLD_EXPORT int runTests(int argc, char** argv);

} // namespace Leasehold
