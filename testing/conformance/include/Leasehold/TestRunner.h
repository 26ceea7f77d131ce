#pragma once

namespace Leasehold
{

/// The main function of a test program: runs every CppUnit test in the registry.
///
///     PROGRAM                    all of them
///     PROGRAM --list             their names, one a line; runs none
///     PROGRAM --only TEXT        those whose name contains TEXT
///
/// Prints each failure with its place, and a closing line "N passed, M failed". The exit status is 0 only if every test that
/// the registry holds (or --only selects: at least one) ran and passed.
int runTests(int argc, char** argv);

} // namespace Leasehold
