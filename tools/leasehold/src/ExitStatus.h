#pragma once

namespace Leasehold::Tool
{

/// What the program's exit status means where it is not the command's own. The numbers are those of sysexits.h where it has one,
/// and of shells for 126, 127 and 128 + n (signal n).
enum ExitStatus : int
{
    exitSuccess = 0,
    exitUsage = 64,         ///< the command line is wrong
    exitUnavailable = 69,   ///< the store did not answer; another try may succeed
    exitInternal = 70,      ///< an error of this program or of the system under it
    exitHeld = 75,          ///< another holds the lock
    exitConfiguration = 78, ///< the configuration is wrong, or the store needs repair: another try will not help
    exitLost = 79,          ///< the lock was lost, and the command was stopped
    exitCannotRun = 126,    ///< the command was found and cannot be run
    exitNotFound = 127,     ///< the command was not found
    exitSignal = 128        ///< and the signal's number is added: it ended the command, or the wait for the lock
};

} // namespace Leasehold::Tool
