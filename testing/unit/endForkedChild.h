#pragma once

#include <unistd.h>

extern "C" void __gcov_dump() __attribute__((weak)); // NOLINT(bugprone-reserved-identifier): gcov named it

namespace Leasehold
{

/// Ends a forked child without destructors, which would do the parent's work. What it reached counts where coverage is measured; for that
/// it takes back the rights that it gave up, if it kept them to be taken back: the parent's files may not be its own.
[[noreturn]] inline void endForkedChild(int status)
{
    if (__gcov_dump) // the preset `coverage` links it in, and no other does
    {
        uid_t real = 0, effective = 0, kept = 0;
        if (::getresuid(&real, &effective, &kept) == 0 && kept != effective && ::seteuid(kept) != 0)
            status = 1;
        __gcov_dump();
    }
    ::_exit(status);
}

} // namespace Leasehold
