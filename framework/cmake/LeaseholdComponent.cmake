# How every part of Leasehold is built and installed: one function, so that the targets cannot drift apart.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(LEASEHOLD_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Leasehold)
set(LEASEHOLD_CMAKE_SOURCE_DIR ${CMAKE_CURRENT_LIST_DIR})
set_property(GLOBAL PROPERTY LEASEHOLD_COMPONENTS "")

# A library exports only symbols marked LEASEHOLD_EXPORT. In builds with tests shared libraries export everything, because tests link private parts.
set(LEASEHOLD_VISIBILITY hidden)
if(BUILD_SHARED_LIBS AND LEASEHOLD_TESTING)
    set(LEASEHOLD_VISIBILITY default)
endif()

# The settings of all our targets, installed or not.
function(leasehold_compile_options target)
    target_compile_features(${target} PUBLIC cxx_std_20)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
    if(LEASEHOLD_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(LEASEHOLD_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${LEASEHOLD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
        # Clang's check of virtual calls opens a pipe, and takes any object for a wrong one where a test leaves no descriptor.
        target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=vptr>)
        target_link_options(${target} PUBLIC -fsanitize=${LEASEHOLD_SANITIZE})
    endif()
endfunction()

# leasehold_find_libraries_from(TARGET DIRECTORY): when our libraries are shared, a program that is installed in DIRECTORY finds them by its
# own place, wherever the whole is installed or moved to.
function(leasehold_find_libraries_from target directory)
    if(BUILD_SHARED_LIBS)
        cmake_path(ABSOLUTE_PATH directory BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX})
        file(RELATIVE_PATH libraries ${directory} ${CMAKE_INSTALL_FULL_LIBDIR})
        set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries}")
    endif()
endfunction()

# Writes LeaseholdNAMERequires.cmake: it sets Leasehold_NAME_NEEDS to our components that this one needs, finds the packages that it needs, and
# sets Leasehold_NAME_MISSING to those that are missing.
function(leasehold_requirements name links packages modules)
    list(FILTER links INCLUDE REGEX ^Leasehold::)
    list(TRANSFORM links REPLACE ^Leasehold:: "")
    set(text "set(Leasehold_${name}_NEEDS ${links})\nset(Leasehold_${name}_MISSING)\n")
    foreach(package ${packages})
        string(REGEX MATCH "^[^ ]+" found ${package})
        string(APPEND text "find_package(${package} QUIET)\nif(NOT ${found}_FOUND)\n"
            "    list(APPEND Leasehold_${name}_MISSING \"${package}\")\nendif()\n")
    endforeach()
    foreach(module ${modules})
        string(TOUPPER ${module} prefix)
        string(APPEND text "find_package(PkgConfig QUIET)\nif(PKG_CONFIG_FOUND)\n"
            "    pkg_check_modules(${prefix} QUIET IMPORTED_TARGET GLOBAL ${module})\nendif()\nif(NOT TARGET PkgConfig::${prefix})\n"
            "    list(APPEND Leasehold_${name}_MISSING \"${module} (by pkg-config)\")\nendif()\n")
    endforeach()
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/Leasehold${name}Requires.cmake "${text}")
endfunction()

# Installs leasehold-NAME.pc, in small letters: the component for pkg-config. The folder that it is installed in may be moved. What the public
# headers need is in Requires and Libs, the rest is for static linking.
function(leasehold_pkg_config name links private_links modules)
    set(PUBLIC_REQUIRES)
    set(PRIVATE_REQUIRES)
    set(PUBLIC_LIBS)
    set(PRIVATE_LIBS)
    foreach(kind PUBLIC PRIVATE)
        set(targets ${links})
        if(kind STREQUAL PRIVATE)
            set(targets ${private_links})
        endif()
        foreach(target ${targets})
            string(REGEX REPLACE "^.*::" "" library ${target})
            if(target MATCHES ^Leasehold::)
                string(TOLOWER leasehold-${library} module)
                list(APPEND ${kind}_REQUIRES ${module})
            elseif(target MATCHES ^PkgConfig:: AND kind STREQUAL PRIVATE)
                # Not by its module: its static library would ask for packages of its own (libpq for Kerberos and LDAP).
                list(APPEND PRIVATE_LIBS ${${library}_LDFLAGS})
            elseif(target MATCHES ^PkgConfig::)
                foreach(module ${modules})
                    string(TOUPPER ${module} imported)
                    if(imported STREQUAL library)
                        list(APPEND ${kind}_REQUIRES ${module})
                    endif()
                endforeach()
            elseif(target MATCHES ^Poco::)
                list(APPEND ${kind}_LIBS -lPoco${library})
            elseif(target STREQUAL Threads::Threads)
                list(APPEND PRIVATE_LIBS -pthread)
            elseif(target STREQUAL SQLite::SQLite3)
                list(APPEND PRIVATE_REQUIRES sqlite3)
            elseif(target STREQUAL OpenSSL::SSL)
                list(APPEND PRIVATE_REQUIRES openssl)
            else()
                message(FATAL_ERROR "Leasehold's component ${name} links ${target}, and pkg-config's name for that is unknown. "
                    "Find it by PKG_CONFIG, or name it in leasehold_pkg_config.")
            endif()
        endforeach()
    endforeach()
    foreach(list PUBLIC_REQUIRES PRIVATE_REQUIRES PUBLIC_LIBS PRIVATE_LIBS)
        list(REMOVE_DUPLICATES ${list})
        list(JOIN ${list} " " ${list})
    endforeach()
    file(RELATIVE_PATH PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
    string(REGEX REPLACE "/$" "" PREFIX ${PREFIX})
    file(RELATIVE_PATH LIBDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
    file(RELATIVE_PATH INCLUDEDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
    string(TOLOWER leasehold-${name}.pc file)
    configure_file(${LEASEHOLD_CMAKE_SOURCE_DIR}/leasehold.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${file} @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT ${name})
endfunction()

# leasehold_component(NAME SOURCES file... [LINKS target...] [PRIVATE_LINKS target...] [PACKAGES text...] [PKG_CONFIG module...])
#
# A library Leasehold::NAME with its headers in include/, installed as a component of find_package(Leasehold) with an export
# set of its own. PACKAGES and PKG_CONFIG: the packages that it needs, found here and by projects that use the installed
# component; each of PACKAGES is the arguments of a find_package ("Poco 1.11 COMPONENTS Foundation JSON"), each of PKG_CONFIG becomes
# the target PkgConfig::MODULE, in capitals. LINKS names our components that it needs.
function(leasehold_component name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS;PRIVATE_LINKS;PACKAGES;PKG_CONFIG")
    set(target Leasehold${name})
    leasehold_requirements(${name} "${arg_LINKS}" "${arg_PACKAGES}" "${arg_PKG_CONFIG}")
    include(${CMAKE_CURRENT_BINARY_DIR}/Leasehold${name}Requires.cmake)
    if(Leasehold_${name}_MISSING)
        list(JOIN Leasehold_${name}_MISSING ", " missing)
        message(FATAL_ERROR "Leasehold's component ${name} needs ${missing}: install it, or leave the component out (README.md names the options).")
    endif()
    add_library(${target} ${arg_SOURCES})
    add_library(Leasehold::${name} ALIAS ${target})
    leasehold_compile_options(${target})
    target_include_directories(${target}
        PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
        PRIVATE src)
    target_link_libraries(${target} PUBLIC ${arg_LINKS} PRIVATE ${arg_PRIVATE_LINKS})
    set_target_properties(${target} PROPERTIES
        EXPORT_NAME ${name}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
        POSITION_INDEPENDENT_CODE ON
        CXX_VISIBILITY_PRESET ${LEASEHOLD_VISIBILITY}
        VISIBILITY_INLINES_HIDDEN ON
        INSTALL_RPATH $ORIGIN) # of a shared library: the others lie beside it
    if(LEASEHOLD_INSTALL)
        install(TARGETS ${target} EXPORT Leasehold${name}Targets
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${name}
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${name})
        install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT ${name})
        install(FILES ${CMAKE_CURRENT_BINARY_DIR}/Leasehold${name}Requires.cmake DESTINATION ${LEASEHOLD_PACKAGE_DIR} COMPONENT ${name})
        install(EXPORT Leasehold${name}Targets NAMESPACE Leasehold:: DESTINATION ${LEASEHOLD_PACKAGE_DIR} COMPONENT ${name})
        leasehold_pkg_config(${name} "${arg_LINKS}" "${arg_PRIVATE_LINKS}" "${arg_PKG_CONFIG}")
    endif()
    set_property(GLOBAL APPEND PROPERTY LEASEHOLD_COMPONENTS ${name})
endfunction()

# Called once, after every component is known.
function(leasehold_install_package)
    configure_package_config_file(${LEASEHOLD_CMAKE_SOURCE_DIR}/LeaseholdConfig.cmake.in
        ${CMAKE_CURRENT_BINARY_DIR}/LeaseholdConfig.cmake INSTALL_DESTINATION ${LEASEHOLD_PACKAGE_DIR})
    write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/LeaseholdConfigVersion.cmake COMPATIBILITY SameMinorVersion)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/LeaseholdConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/LeaseholdConfigVersion.cmake
        DESTINATION ${LEASEHOLD_PACKAGE_DIR} COMPONENT Framework)
endfunction()
