# leasehold_test(NAME SOURCES file... LINKS target... [SERVER] [PARTS text...])
#
# A CppUnit program, registered with ctest under its name. SERVER marks one that starts an engine: `testing/run --quick` leaves
# it out, and nothing else runs beside it. PARTS: the tests whose names contain the same text have a process of their own, beside another.
function(leasehold_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERVER" "" "SOURCES;LINKS;PARTS")
    add_executable(${name} ${arg_SOURCES})
    leasehold_compile_options(${name})
    target_link_libraries(${name} PRIVATE Leasehold::Conformance ${arg_LINKS})
    set(command ${name})
    if(arg_PARTS)
        set(command ${PROJECT_SOURCE_DIR}/testing/inParts $<TARGET_FILE:${name}> ${arg_PARTS})
    endif()
    add_test(NAME ${name} COMMAND ${command} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES TIMEOUT 900)
    if(arg_SERVER)
        set_tests_properties(${name} PROPERTIES LABELS server RUN_SERIAL ON)
    endif()
endfunction()
