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
set(CPACK_DEBIAN_TOOLS_DESCRIPTION "A lock is a lease that is renewed while the command runs. If it cannot be
renewed, the command and all that it started is ended before anybody else
can have the lock. The locks are kept in Elasticsearch, OpenSearch or, for
one host, in a SQLite file.")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_TOOLS_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_TOOLS_PACKAGE_SUGGESTS "bash-completion")
include(CPack)
