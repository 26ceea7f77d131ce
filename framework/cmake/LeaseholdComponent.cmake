# How every part of Leasehold is built and installed: one function, so that the targets cannot drift apart.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(LEASEHOLD_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Leasehold)
set(LEASEHOLD_CMAKE_SOURCE_DIR ${CMAKE_CURRENT_LIST_DIR})
set_property(GLOBAL PROPERTY LEASEHOLD_COMPONENTS "")

# What holds for each of our targets, installed or not.
function(leasehold_compile_options target)
    target_compile_features(${target} PUBLIC cxx_std_20)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
    if(LEASEHOLD_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(LEASEHOLD_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${LEASEHOLD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(${target} PUBLIC -fsanitize=${LEASEHOLD_SANITIZE})
    endif()
endfunction()

# leasehold_component(NAME SOURCES file... [LINKS target...] [PRIVATE_LINKS target...])
#
# A library Leasehold::NAME with its headers in include/, installed as a component of find_package(Leasehold) with an export
# set of its own. What its package file must find first is in framework/cmake/LeaseholdConfig.cmake.in.
function(leasehold_component name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS;PRIVATE_LINKS")
    set(target Leasehold${name})
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
        POSITION_INDEPENDENT_CODE ON)
    install(TARGETS ${target} EXPORT Leasehold${name}Targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${name}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${name})
    install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT ${name})
    install(EXPORT Leasehold${name}Targets NAMESPACE Leasehold:: DESTINATION ${LEASEHOLD_PACKAGE_DIR} COMPONENT ${name})
    set_property(GLOBAL APPEND PROPERTY LEASEHOLD_COMPONENTS ${name})
endfunction()

# Called once, after every component is known.
function(leasehold_install_package)
    get_property(LEASEHOLD_INSTALLED_COMPONENTS GLOBAL PROPERTY LEASEHOLD_COMPONENTS)
    configure_package_config_file(${LEASEHOLD_CMAKE_SOURCE_DIR}/LeaseholdConfig.cmake.in
        ${CMAKE_CURRENT_BINARY_DIR}/LeaseholdConfig.cmake INSTALL_DESTINATION ${LEASEHOLD_PACKAGE_DIR})
    write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/LeaseholdConfigVersion.cmake COMPATIBILITY SameMinorVersion)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/LeaseholdConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/LeaseholdConfigVersion.cmake
        DESTINATION ${LEASEHOLD_PACKAGE_DIR} COMPONENT Framework)
endfunction()
