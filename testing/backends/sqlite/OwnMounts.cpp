#include "OwnMounts.h"

#include "Leasehold/ForkedChild.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cerrno>
#include <iostream>
#include <sched.h>
#include <sys/mount.h>
#include <system_error>
#include <unistd.h>

namespace Leasehold
{

void withOwnMounts(const char* what, const std::function<bool()>& work)
{
    constexpr int notAllowedHere = 77;
    ForkedChild child(
        [&]
        {
            const bool own = ::geteuid() == 0 ? ::unshare(CLONE_NEWNS) == 0 : ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
            if (!own || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
                return notAllowedHere;
            return work() ? 0 : 2;
        });
    const int status = child.wait();
    if (status == notAllowedHere)
        std::cerr << "no mounts are allowed here: " << what << " was not tried\n";
    else
        CPPUNIT_ASSERT_EQUAL(0, status);
}

void mountFileSystem(const char* type, const std::string& place, const char* options)
{
    if (::mount(type, place.c_str(), type, 0, options) != 0)
        throw std::system_error(errno, std::generic_category(), "mount " + place);
}

void mountElsewhere(const std::string& source, const std::string& place)
{
    if (::mount(source.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) != 0)
        throw std::system_error(errno, std::generic_category(), "mount " + source + " on " + place);
}

} // namespace Leasehold
