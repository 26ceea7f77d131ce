# `cpack -G DEB` in the build folder makes leasehold_VERSION_ARCH.deb of the component Tools: the programs, their manual page and the
# completion. The packages that it depends on are those whose libraries the programs use, as dpkg-shlibdeps (dpkg-dev) finds them.
set(LEASEHOLD_PACKAGE_CONTACT "The Leasehold developers <leasehold@localhost>" CACHE STRING
    "Maintainer of the Debian package, \"NAME <ADDRESS>\": who builds it for others should be reachable")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME leasehold)
set(CPACK_PACKAGE_VENDOR Leasehold)
set(CPACK_PACKAGE_CONTACT "${LEASEHOLD_PACKAGE_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "runs commands under a distributed lock that they never outlive")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL Tools)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME leasehold)
set(CPACK_DEBIAN_TOOLS_FILE_NAME DEB-DEFAULT)
string(STRIP "${packageStores}" packageStores)
set(CPACK_DEBIAN_TOOLS_DESCRIPTION "A lock is a lease that is renewed while the command runs. If it cannot be
renewed, the command and all that it started is ended before anybody else
can have the lock. The locks are kept in one of these storages:
${packageStores}")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_TOOLS_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_TOOLS_PACKAGE_SUGGESTS "bash-completion")

# Shared libraries of ours are part of the package: the programs are of no use without.
if(BUILD_SHARED_LIBS)
    get_property(components GLOBAL PROPERTY LEASEHOLD_COMPONENTS)
    list(REMOVE_ITEM components TestSupport Conformance)
    leasehold_backends(backends)
    foreach(name ${backends})
        leasehold_backend_get(forTests ${name} FOR_TESTS)
        if(forTests)
            leasehold_backend_get(component ${name} COMPONENT)
            list(REMOVE_ITEM components ${component})
        endif()
    endforeach()
    foreach(component ${components})
        install(TARGETS Leasehold${component} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Tools NAMELINK_SKIP)
        get_target_property(directory Leasehold${component} BINARY_DIR)
        list(APPEND CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${directory})
    endforeach()
endif()
include(CPack)
